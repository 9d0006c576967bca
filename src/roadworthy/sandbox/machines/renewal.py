"""What is on a machine that keeps its promises of `renewal`.

Certificates and their files are real, but signed by themselves. Certbot answers, and has logged, in the words of
certbot 2.1, after recorded output; the cron that calls it is the stand-in of `cron`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from roadworthy.onhost.renewal import TIMERS
from roadworthy.sandbox.machines.cron import TAB_AGE_S, WITH_A_DAEMON, asked
from roadworthy.sandbox.machines.machine import Answer, File, Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.renewal import Renewal
    from roadworthy.target.models import Component, Target

TAB = "/etc/cron.d/renewal"
LIVE, CONFIGURED = "/etc/letsencrypt/live", "/etc/letsencrypt/renewal"
LOG = "/var/log/letsencrypt/letsencrypt.log"
DRY_RUN = r"renew --dry-run --non-interactive --no-random-sleep-on-renew"
RULE = "- " * 40
LOGGED = (
    "{{-62 %Y-%m-%d %H:%M:%S}},123:DEBUG:certbot._internal.main:certbot version: 2.1.0\n"
    "{{-62 %Y-%m-%d %H:%M:%S}},124:DEBUG:certbot._internal.main:Location of certbot entry point: /usr/bin/certbot\n"
    "{{-62 %Y-%m-%d %H:%M:%S}},124:DEBUG:certbot._internal.main:Arguments: ['--quiet']\n"
    "{{-61 %Y-%m-%d %H:%M:%S}},201:DEBUG:certbot._internal.display.obj:Notifying user: "
    "Processing /etc/letsencrypt/renewal/NAME.conf\n"
)
WENT_WELL = "{{-60 %Y-%m-%d %H:%M:%S}},512:DEBUG:certbot._internal.renewal:no renewal failures\n"
FAILED = (
    "{{-60 %Y-%m-%d %H:%M:%S}},512:ERROR:certbot._internal.renewal:Failed to renew certificate NAME with error: "
    "Some challenges have failed.\n"
    "{{-60 %Y-%m-%d %H:%M:%S}},514:ERROR:certbot._internal.log:1 renew failure(s), 0 parse failure(s)\n"
)


def furnish(promised: Renewal, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    when = promised.scheduled if isinstance(promised.scheduled, str) else "0 */12 * * *"
    names = promised.names or ("shop.example",)
    files = [File(TAB, f"{when} root certbot renew --quiet\n", age_s=TAB_AGE_S)]
    files += [
        File("/etc/letsencrypt", mode=0o755),
        File(f"{LIVE}/{names[0]}/cert.pem", data=certificate(names)),
        File(f"{CONFIGURED}/{names[0]}.conf", configuration(names[0])),
        File("/var/log/letsencrypt", mode=0o700),
        File(LOG, (LOGGED + WENT_WELL).replace("NAME", names[0]), mode=0o600),
    ]
    answers = (tried(names[0], "success"), without_timers())
    return WITH_A_DAEMON.plus(Machine(files=tuple(files), answers=answers))


def configuration(name: str) -> str:
    """A certificate's file, as certbot writes it."""
    parts = "".join(f"{part} = {LIVE}/{name}/{part}.pem\n" for part in ("cert", "privkey", "chain", "fullchain"))
    return (
        f"# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = /etc/letsencrypt/archive/{name}\n{parts}"
        "\n# Options used in the renewal process\n[renewalparams]\nauthenticator = nginx\ninstaller = nginx\n"
    )


@lru_cache
def certificate(names: tuple[str, ...]) -> bytes:
    """A certificate of names, always the same one: equal machines are equal."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(" ".join(names).encode()).digest())
    nobody = x509.Name([])
    built = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
    )
    return built.sign(key, None).public_bytes(Encoding.PEM)


def tried(name: str, outcome: str) -> Answer:
    """What certbot says of a dry run."""
    went_well = outcome == "success"
    head = "Congratulations, all simulated renewals succeeded: \n"
    if not went_well:
        head = f"Failed to renew certificate {name} with error: Some challenges have failed.\n{RULE}\n"
        head += "All simulated renewals failed. The following certificates could not be renewed:\n"
    return Answer(
        "certbot",
        DRY_RUN,
        f"\n{RULE}\nProcessing {CONFIGURED}/{name}.conf\n{RULE}\n"
        f"Simulating renewal of an existing certificate for {name}\n"
        f"\n{RULE}\n{head}  {LIVE}/{name}/fullchain.pem ({outcome})\n{RULE}\n",
        complains="Saving debug log to /var/log/letsencrypt/letsencrypt.log\n"
        + ("" if went_well else "1 renew failure(s), 0 parse failure(s)\n"),
        ends=0 if went_well else 1,
    )


def without_timers() -> Answer:
    """What systemd says of timers that nobody installed."""
    unknown = (
        "RandomizedDelayUSec=0\nLastTriggerUSec=\nId=NAME\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
        "ActiveEnterTimestamp=\n"
    )
    return Answer("systemctl", asked(TIMERS), "\n".join(unknown.replace("NAME", name) for name in sorted(TIMERS)))

"""The mail of a healthy domain, and conversations with a healthy mail server; a test changes one thing of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from roadworthy.facts.mail import Lookup, LookupState, MailObservation, PolicyAnswer
from roadworthy.facts.smtp import Reply, Secured, SmtpObservation
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case
    from roadworthy.facts.mail import LookupKind

C = TypeVar("C", bound="Case[Any, Any, Any]")
DOMAIN = "shop.test"


def key(bits: int = 2048) -> str:
    """A DKIM record with a key of so many bits."""
    public = rsa.generate_private_key(65537, bits).public_key()
    raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"


KEY = key()
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.shop.test\r\nmx: *.mailer.test\r\nmax_age: 2419200\r\n"

ZONE: dict[str, tuple[str, ...]] = {
    "shop.test MX": ("10 mx1.shop.test", "20 in.mailer.test"),
    "mx1.shop.test A": ("192.0.2.25",),
    "in.mailer.test AAAA": ("2001:db8::25",),
    "shop.test TXT": ("v=spf1 ip4:198.51.100.0/26 include:spf.mailer.test -all", "site-verification=1"),
    "spf.mailer.test TXT": ("v=spf1 ip4:203.0.113.128/25 ?all",),
    "s1._domainkey.shop.test TXT": (KEY,),
    "_dmarc.shop.test TXT": ("v=DMARC1; p=reject; sp=quarantine; adkim=s; rua=mailto:dmarc@shop.test",),
    "_mta-sts.shop.test TXT": ("v=STSv1; id=20261121",),
    "_smtp._tls.shop.test TXT": ("v=TLSRPTv1; rua=mailto:tls@shop.test",),
}
"""Question to: the answer's records."""

ASKED: tuple[tuple[str, LookupKind], ...] = (
    ("shop.test", "MX"),
    ("shop.test", "TXT"),
    ("mx1.shop.test", "A"),
    ("mx1.shop.test", "AAAA"),
    ("in.mailer.test", "A"),
    ("in.mailer.test", "AAAA"),
    ("spf.mailer.test", "TXT"),
    ("s1._domainkey.shop.test", "TXT"),
    ("_dmarc.shop.test", "TXT"),
    ("_dmarc.test", "TXT"),
    ("_mta-sts.shop.test", "TXT"),
    ("_smtp._tls.shop.test", "TXT"),
)

PROMISED: dict[str, Any] = {
    "mx": ["mx1.shop.test", "in.mailer.test"],
    "spf": {"permits": ["198.51.100.0/26", "spf.mailer.test"], "ends": "-all"},
    "dkim": {"selectors": ["s1"], "min_bits": 2048},
    "dmarc": {
        "policy": "reject",
        "subdomains": "quarantine",
        "reports": True,
        "alignment": {"spf": "relaxed", "dkim": "strict"},
    },
    "mta_sts": "enforce",
    "tls_rpt": True,
}


def policy(text: str = POLICY, **changes: Any) -> PolicyAnswer:
    """What the policy's host answers."""
    given: dict[str, Any] = {"address": "192.0.2.80:443", "status": 200, "media_type": "text/plain", "text": text}
    return PolicyAnswer(**given | changes)


def domain(
    changes: dict[str, tuple[str, ...] | None] | None = None,
    *,
    policies: tuple[Any, ...] | None = None,
    aliases: dict[str, str] | None = None,
) -> MailObservation:
    """The domain's records with some changed, empty (no such record), or None: the look-up failed."""
    told: dict[str, tuple[str, ...] | None] = {**ZONE, **(changes or {})}
    asked = dict.fromkeys((*ASKED, *(tuple(question.split(" ")) for question in told)))
    lookups = []
    for name, kind in asked:
        records = told.get(f"{name} {kind}", ())
        state = LookupState.FOUND if records else LookupState.NODATA if records is not None else LookupState.FAILED
        lookups.append(
            Lookup(
                name=name,
                kind=kind,  # type: ignore[arg-type]
                state=state,
                records=records or (),
                alias_of=(aliases or {}).get(name),
                detail="SERVFAIL" if records is None else "",
            )
        )
    return MailObservation(
        observed_at=NOW, lookups=tuple(lookups), policies=(policy(),) if policies is None else policies
    )


def told(record: str, text: str) -> MailObservation:
    """The domain with one TXT record changed; an empty name is the domain's own."""
    name = f"{record}.{DOMAIN}" if record else DOMAIN
    return domain({f"{name} TXT": (text,)})


def case(kind: type[C], seen: object, **promised: Any) -> C:
    """The case of a domain that promises this of its mail; by default, everything."""
    return _case(kind, seen, {"domain": DOMAIN, "mail": promised or PROMISED})


def talk(kind: type[C], seen: object, port: int = 587, **promised: Any) -> C:
    """The case of a mail server that promises this."""
    given = promised or {"starttls": True, "login": LOGIN, "refuses_wrong_password": True, "refuses_relay": True}
    return _case(kind, seen, {"address": f"smtp.mailer.test:{port}", "smtp": given})


LOGIN = {"username": "app", "password": "let-me-in"}


def _case(kind: type[C], seen: object, component: dict[str, Any]) -> C:
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["logins"]},
            "components": {"mail": component},
        }
    )
    part = target.components["mail"]
    expected, ask = next(iter(kind.looks(target, part)))
    return kind(target=target, name="mail", component=part, expected=expected, ask=ask, address=None, seen=seen)


def reply(code: int, *lines: str) -> Reply:
    return Reply(code=code, lines=lines)


def spoken(**changes: Any) -> SmtpObservation:
    """A conversation that came to its end."""
    given: dict[str, Any] = {
        "greeting": reply(220, "smtp.mailer.test ESMTP"),
        "offers": ("SIZE 33554432", "STARTTLS"),
        "starttls": reply(220, "go ahead"),
        "secured": Secured(version="1.3"),
        "offers_secured": ("SIZE 33554432", "AUTH PLAIN LOGIN"),
    }
    return SmtpObservation(observed_at=NOW, **given | changes)

"""Faults of mail: records that are wrong or gone, and mail servers that let in too many, or nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Issuer
from roadworthy.sandbox.deriving_mail import key_text, policy_text, text_record
from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.zones import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment, Page
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.mail import PolicyHost
    from roadworthy.target.blocks.mail import Mail

SHORT_BITS = 1024
ONE_TOO_MANY = 11


def _promising(block: str, key: str = "") -> Where:
    """Domains that promise something about a part of their mail: `spf`, or `ends` of it."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in promising(f"mail.{block}")(deployment):
            part = getattr(deployment.component(name).mail, block)
            if not key or getattr(part, key) is not None:
                yield name

    return where


def _domain(deployment: Deployment, component: str) -> str:
    return deployment.component(component).domain or ""


def _mail(deployment: Deployment, component: str) -> Mail:
    mail = deployment.component(component).mail
    assert mail is not None  # noqa: S101 - `where` chose it
    return mail


def _texts(below: str, change: Callable[[tuple[str, ...]], Iterable[str]]) -> Change:
    """Other TXT records at a name below the domain (or at the domain itself), in place of those that are there."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        domain = _domain(deployment, component)
        name = f"{below}.{domain}" if below else domain
        held = _held(deployment, name)
        names = deployment.names.without(name, "TXT")
        return replace(deployment, names=names.with_records(text_record(name, text) for text in change(held)))

    return changed


def _held(deployment: Deployment, name: str) -> tuple[str, ...]:
    found = (r.text for r in deployment.names.zone_of(name).records if (r.name, r.kind) == (name, "TXT"))
    return tuple("".join(text.strip('"').split('" "')) for text in found)


def _spf(change: Callable[[str], str]) -> Change:
    def changed(held: tuple[str, ...]) -> Iterable[str]:
        return (change(text) if text.startswith("v=spf1") else text for text in held)

    return _texts("", changed)


def _ends(end: str) -> Change:
    return _spf(lambda text: f"{text.rpartition(' ')[0]} {end}")


def _too_many(deployment: Deployment, component: str) -> Deployment:
    domain = _domain(deployment, component)
    names = [f"spf{number}.{domain}" for number in range(1, ONE_TOO_MANY + 1)]
    added = [text_record(name, "v=spf1 ip4:203.0.113.200 ?all") for name in names]
    deployment = replace(deployment, names=deployment.names.with_records(added))
    includes = " ".join(f"include:{name}" for name in names)
    return _spf(lambda text: text.replace("v=spf1", f"v=spf1 {includes}"))(deployment, component)


def _not_permitted(deployment: Deployment, component: str) -> Deployment:
    def changed(text: str) -> str:
        version, _, *rest = text.split(" ")
        return " ".join((version, *rest))

    return _spf(changed)(deployment, component)


def _selector(deployment: Deployment, component: str) -> str:
    dkim = _mail(deployment, component).dkim
    return dkim.selectors[0] if dkim else ""


def _key(change: Callable[[tuple[str, ...]], Iterable[str]]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        return _texts(f"{_selector(deployment, component)}._domainkey", change)(deployment, component)

    return changed


def _long_keys(deployment: Deployment) -> Iterable[str]:
    """Domains whose keys are promised to be longer than the shortest that can be made."""
    for name in _promising("dkim")(deployment):
        dkim = _mail(deployment, name).dkim
        if dkim is not None and dkim.min_bits > SHORT_BITS:
            yield name


def _dmarc(change: Callable[[str], str]) -> Change:
    return _texts("_dmarc", lambda held: map(change, held))


def _tag(name: str, value: str | None) -> Change:
    """Another value for a tag of the DMARC record; None: without it."""

    def changed(text: str) -> str:
        tags = dict(part.strip().split("=", 1) for part in text.split(";"))
        tags.pop(name, None)
        if value is not None:
            tags[name] = value
        return "; ".join(f"{tag}={held}" for tag, held in tags.items())

    return _dmarc(changed)


def _strict(deployment: Deployment) -> Iterable[str]:
    """Domains that promise to have forgeries refused, or put aside."""
    for name in _promising("dmarc", "policy")(deployment):
        dmarc = _mail(deployment, name).dmarc
        if dmarc is not None and dmarc.policy != "none":
            yield name


def _subdomains_guarded(deployment: Deployment) -> Iterable[str]:
    for name in _promising("dmarc", "subdomains")(deployment):
        dmarc = _mail(deployment, name).dmarc
        if dmarc is not None and dmarc.subdomains != "none":
            yield name


def _other_alignment(deployment: Deployment, component: str) -> Deployment:
    dmarc = _mail(deployment, component).dmarc
    modes = dmarc.alignment if dmarc else None
    tag, promised = ("adkim", modes.dkim) if modes and modes.dkim else ("aspf", modes.spf if modes else None)
    return _tag(tag, "r" if promised == "strict" else "s")(deployment, component)


def _other_exchanger(deployment: Deployment, component: str) -> Deployment:
    domain = _domain(deployment, component)
    added = [Record(domain, "MX", f"5 mx.former.{domain}."), Record(f"mx.former.{domain}", "A", "192.0.2.26")]
    return replace(deployment, names=deployment.names.with_records(added))


def _exchanger_gone(deployment: Deployment, component: str) -> Deployment:
    host = (_mail(deployment, component).mx or ("",))[0]
    return replace(deployment, names=deployment.names.without(host, "A", "AAAA"))


def _takes_mail(deployment: Deployment, component: str) -> Deployment:
    domain = _domain(deployment, component)
    names = deployment.names.without(domain, "MX").with_records([Record(domain, "MX", f"10 {domain}.")])
    return replace(deployment, names=names)


def _policy_page(change: Callable[[Page], Page]) -> Change:
    def on(host: PolicyHost) -> PolicyHost:
        return replace(host, service=replace(host.service, pages=tuple(map(change, host.service.pages))))

    return lambda deployment, component: deployment.with_policy(component, on)


def _policy_of(deployment: Deployment, component: str, mode: str, exchangers: tuple[str, ...]) -> Deployment:
    text = policy_text(mode, exchangers)
    return _policy_page(lambda page: replace(page, body=text))(deployment, component)


def _lax_policy(deployment: Deployment, component: str) -> Deployment:
    mail = _mail(deployment, component)
    mode = "testing" if mail.mta_sts == "enforce" else "none"
    return _policy_of(deployment, component, mode, mail.mx or ())


def _old_policy(deployment: Deployment, component: str) -> Deployment:
    mail = _mail(deployment, component)
    return _policy_of(deployment, component, mail.mta_sts or "testing", ("mx.former.example",))


def _exchanging(deployment: Deployment) -> Iterable[str]:
    return (name for name in _promising("mta_sts")(deployment) if _mail(deployment, name).mx)


def _distrusted(host: PolicyHost) -> PolicyHost:
    tls = host.front.tls
    if tls is None:
        return host
    tls = replace(tls, certificate=replace(tls.certificate, issuer=Issuer.UNKNOWN))
    return replace(host, front=replace(host.front, tls=tls))


def _server(**changes: Any) -> Change:
    return lambda deployment, component: deployment.with_mail(component, **changes)


def _revoked(deployment: Deployment, component: str) -> Deployment:
    smtp = deployment.component(component).smtp
    name = smtp.login.username if smtp and smtp.login else "app"
    return deployment.with_mail(component, login=(name, "rotated, and nobody told the application"))


FAULTS = (
    fault(
        "mx-other",
        "The exchanger of a former service is still named.",
        "MAIL-MX",
        where=promising("mail.mx"),
        change=_other_exchanger,
        also=["MAIL-MTA-STS"],
    ),
    fault(
        "mx-gone",
        "A mail exchanger lost its address.",
        "MAIL-MX-HOST",
        where=promising("mail.mx"),
        change=_exchanger_gone,
    ),
    fault(
        "spf-gone",
        "The SPF record is gone.",
        "MAIL-SPF",
        where=_promising("spf"),
        change=_texts("", lambda held: (text for text in held if not text.startswith("v=spf1"))),
    ),
    fault(
        "spf-twice",
        "A second service added an SPF record of its own.",
        "MAIL-SPF",
        where=_promising("spf"),
        change=_texts("", lambda held: (*held, "v=spf1 include:spf.mailer.test ~all")),
    ),
    fault(
        "spf-too-many",
        "One service after another was included: eleven look-ups and more.",
        "MAIL-SPF",
        where=_promising("spf"),
        change=_too_many,
    ),
    fault(
        "spf-typo",
        "An address in the SPF record is none.",
        "MAIL-SPF",
        where=_promising("spf"),
        change=_spf(lambda text: text.replace("v=spf1", "v=spf1 ip4:198.51.100.300")),
    ),
    fault(
        "spf-sender-missing",
        "The SPF record leaves out a server that sends.",
        "MAIL-SPF-PERMITS",
        where=_promising("spf", "permits"),
        change=_not_permitted,
    ),
    fault(
        "spf-open",
        "The SPF record ends with +all.",
        "MAIL-SPF-ENDS",
        where=_promising("spf", "ends"),
        change=_ends("+all"),
    ),
    fault(
        "spf-open-by-networks",
        "The SPF record lists the whole internet in two halves.",
        "MAIL-SPF-ENDS",
        where=_promising("spf", "ends"),
        change=_spf(lambda text: text.replace("v=spf1", "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1")),
        also=["MAIL-ADVICE"],
    ),
    fault(
        "spf-neutral",
        "The SPF record ends with ?all.",
        "MAIL-SPF-ENDS",
        where=_promising("spf", "ends"),
        change=_ends("?all"),
    ),
    fault("dkim-gone", "A signing key is gone.", "MAIL-DKIM", where=_promising("dkim"), change=_key(lambda _: ())),
    fault(
        "dkim-revoked",
        "A signing key was revoked.",
        "MAIL-DKIM",
        where=_promising("dkim"),
        change=_key(lambda _: ["v=DKIM1; p="]),
    ),
    fault(
        "dkim-cut",
        "A signing key was cut off when it was pasted.",
        "MAIL-DKIM",
        where=_promising("dkim"),
        change=_key(lambda held: (text[:255] for text in held)),
    ),
    fault(
        "dkim-short",
        "A signing key is shorter than promised.",
        "MAIL-DKIM-BITS",
        where=_long_keys,
        change=_key(lambda _: [key_text(SHORT_BITS)]),
    ),
    fault(
        "dmarc-gone",
        "The DMARC record is gone.",
        "MAIL-DMARC",
        where=_promising("dmarc", "policy"),
        change=_texts("_dmarc", lambda _: ()),
    ),
    fault(
        "dmarc-none",
        "The DMARC record asks for nothing.",
        "MAIL-DMARC",
        where=_strict,
        change=_tag("p", "none"),
    ),
    fault(
        "dmarc-testing",
        "The DMARC record says t=y: receivers take its policy one step back.",
        "MAIL-DMARC",
        where=_strict,
        change=_tag("t", "y"),
        also=["MAIL-ADVICE"],
    ),
    fault(
        "dmarc-subdomains-open",
        "The DMARC record leaves the names below the domain to forgers.",
        "MAIL-DMARC-SUBDOMAINS",
        where=_subdomains_guarded,
        change=_tag("sp", "none"),
    ),
    fault(
        "dmarc-unreported",
        "The DMARC record asks for no reports.",
        "MAIL-DMARC-REPORTS",
        where=_promising("dmarc", "reports"),
        change=_tag("rua", None),
    ),
    fault(
        "dmarc-report-refused",
        "Reports go to a service that does not agree to get them.",
        "MAIL-DMARC-REPORTS",
        where=_promising("dmarc", "reports"),
        change=_tag("rua", "mailto:shop@reports.mailer.test"),
    ),
    fault(
        "dmarc-alignment-other",
        "The DMARC record compares domains in another way.",
        "MAIL-DMARC-ALIGNMENT",
        where=_promising("dmarc", "alignment"),
        change=_other_alignment,
    ),
    fault(
        "dmarc-pct",
        "The DMARC record still has pct, which no longer counts.",
        "MAIL-ADVICE",
        where=_promising("dmarc"),
        change=_tag("pct", "50"),
    ),
    fault(
        "mta-sts-lax",
        "The MTA-STS policy is one step laxer.",
        "MAIL-MTA-STS",
        where=_promising("mta_sts"),
        change=_lax_policy,
    ),
    fault(
        "mta-sts-old",
        "The MTA-STS policy names the exchanger of a former service.",
        "MAIL-MTA-STS",
        where=_exchanging,
        change=_old_policy,
    ),
    fault(
        "mta-sts-missing",
        "The MTA-STS policy is gone: its host answers 404.",
        "MAIL-MTA-STS",
        where=_promising("mta_sts"),
        change=_policy_page(lambda page: replace(page, status=404, body="not found")),
    ),
    fault(
        "mta-sts-distrusted",
        "The host of the MTA-STS policy has a certificate that nobody trusts.",
        "MAIL-MTA-STS",
        where=_promising("mta_sts"),
        change=lambda deployment, component: deployment.with_policy(component, _distrusted),
    ),
    fault(
        "tls-rpt-gone",
        "The TLS-RPT record is gone.",
        "MAIL-TLS-RPT",
        where=_promising("tls_rpt"),
        change=_texts("_smtp._tls", lambda _: ()),
    ),
    fault(
        "parked-takes-mail",
        "A domain without mail names itself as its mail exchanger.",
        "MAIL-NOTHING",
        where=_promising("sends_nothing"),
        change=_takes_mail,
    ),
    fault(
        "parked-unguarded",
        "A domain without mail lost its SPF record.",
        "MAIL-NOTHING",
        where=_promising("sends_nothing"),
        change=_texts("", lambda _: ()),
    ),
    fault(
        "smtp-unwilling",
        "The mail server greets with 554: it takes no mail.",
        "MAIL-SMTP",
        where=promising("smtp"),
        change=_server(unwilling=True),
        also=["TLS-HANDSHAKE"],
    ),
    fault(
        "smtp-starttls-gone",
        "The mail server no longer offers STARTTLS.",
        "MAIL-STARTTLS",
        where=promising("smtp.starttls"),
        change=_server(starttls=False),
        also=["TLS-HANDSHAKE"],
    ),
    fault(
        "smtp-login-in-plain",
        "The mail server takes logins before TLS.",
        "MAIL-LOGIN-PLAIN",
        where=promising("smtp.refuses_plain_login"),
        change=_server(login_before_tls=True),
    ),
    fault(
        "smtp-login-revoked",
        "The credentials were rotated, and the application still has the old ones.",
        "MAIL-LOGIN",
        where=promising("smtp.login"),
        change=_revoked,
    ),
    fault(
        "smtp-lets-anybody-in",
        "The mail server takes any password.",
        "MAIL-LOGIN-WRONG",
        where=promising("smtp.refuses_wrong_password"),
        change=_server(lets_anybody_in=True),
    ),
    fault(
        "smtp-relays",
        "The mail server relays for strangers.",
        "MAIL-RELAY",
        where=promising("smtp.refuses_relay"),
        change=_server(relays=True),
    ),
)

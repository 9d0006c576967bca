"""A target's promises on mail -> the records, the policy host and the servers that keep them.

What is not promised is set up as a careful operator would: a domain with mail has SPF, DMARC and MTA-STS all the same.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from roadworthy.sandbox.deployment import Front, Page, Service, local_port
from roadworthy.sandbox.deriving_tls import tls_of
from roadworthy.sandbox.mail import MailServer, PolicyHost
from roadworthy.sandbox.zones import Naming, Record
from roadworthy.target.blocks.mail import network_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.target.blocks.mail import Dmarc, Mail, Spf
    from roadworthy.target.models import Target

POLICY_PATH = "/.well-known/mta-sts.txt"
EXCHANGER_IP, INCLUDED_NETWORK = "192.0.2.25", "203.0.113.128/25"
USUAL_BITS = 2048
_BEHIND = 19000  # the port of services behind a policy host, on its address


def text_record(name: str, text: str) -> Record:
    """A TXT record, in pieces that fit into a zone file."""
    pieces = [text[at : at + 200] for at in range(0, len(text), 200)]
    return Record(name, "TXT", " ".join(f'"{piece}"' for piece in pieces))


def with_mail(names: Naming, target: Target) -> Naming:
    """The names with all that the target's domains say of mail."""
    for component in target.components.values():
        if component.mail is not None and component.domain is not None:
            names = names.with_records(_records(component.domain, component.mail, names))
    return names


def _records(domain: str, mail: Mail, names: Naming) -> Iterable[Record]:
    if mail.sends_nothing:
        yield Record(domain, "MX", "0 .")
        yield text_record(domain, "v=spf1 -all")
        yield text_record(f"_dmarc.{domain}", dmarc_text(domain, mail.dmarc, "reject"))
        return
    for number, host in enumerate(mail.mx or (), 1):
        yield Record(domain, "MX", f"{number * 10} {host}.")
        if not names.knows(host):
            yield Record(host, "A", EXCHANGER_IP)
    yield text_record(domain, spf_text(mail.spf))
    for entry in (mail.spf.permits if mail.spf else None) or ():
        if network_of(entry) is None:
            yield text_record(entry, f"v=spf1 ip4:{INCLUDED_NETWORK} ~all")
    for selector in mail.dkim.selectors if mail.dkim else ():
        bits = max(USUAL_BITS, mail.dkim.min_bits if mail.dkim else 0)
        yield text_record(f"{selector}._domainkey.{domain}", key_text(bits))
    yield text_record(f"_dmarc.{domain}", dmarc_text(domain, mail.dmarc, "quarantine"))
    yield text_record(f"_mta-sts.{domain}", "v=STSv1; id=20261121T120000")
    yield text_record(f"_smtp._tls.{domain}", f"v=TLSRPTv1; rua=mailto:tls@{domain}")


def spf_text(spf: Spf | None) -> str:
    """A record that permits what is promised, and nobody else."""
    terms = []
    for entry in (spf.permits if spf else None) or ():
        network = network_of(entry)
        terms.append(f"include:{entry}" if network is None else f"ip{network.version}:{entry}")
    return " ".join(("v=spf1", *terms, (spf.ends if spf else None) or "~all"))


def dmarc_text(domain: str, dmarc: Dmarc | None, policy: str) -> str:
    """A record that asks for what is promised, or for what is stricter."""
    asked = dmarc.policy if dmarc else None
    tags = {"v": "DMARC1", "p": policy if asked in (None, "none") else asked}
    if dmarc and dmarc.subdomains:
        tags["sp"] = dmarc.subdomains
    if dmarc and dmarc.alignment:
        modes = {"aspf": dmarc.alignment.spf, "adkim": dmarc.alignment.dkim}
        tags |= {tag: mode[0] for tag, mode in modes.items() if mode}
    tags["rua"] = f"mailto:dmarc@{domain}"
    return "; ".join(f"{tag}={value}" for tag, value in tags.items())


@cache
def key_text(bits: int) -> str:
    """A DKIM record with a new RSA key."""
    key = rsa.generate_private_key(65537, bits).public_key()
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"


def policy_text(mode: str, exchangers: Iterable[str]) -> str:
    """An MTA-STS policy."""
    lines = ("version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in exchangers), "max_age: 2419200")
    return "\r\n".join(lines) + "\r\n"


def policy_hosts(target: Target, ips: Mapping[str, tuple[str, ...]]) -> tuple[PolicyHost, ...]:
    """What serves the policies that are promised, each below its domain's own address."""
    found = []
    for name, component in target.components.items():
        domain, mail = component.domain, component.mail
        if domain is None or mail is None or mail.mta_sts is None or f"mta-sts.{domain}" in ips:
            continue
        host, ip = f"mta-sts.{domain}", ips[domain][0]
        page = Page(POLICY_PATH, policy_text(mail.mta_sts, mail.mx or (domain,)), "text/plain")
        behind = (ip, _BEHIND)
        found.append(
            PolicyHost(
                name,
                Front(host, 443, (), (ip,), (behind,), tls=tls_of(host, [])),
                Service(f"{name}@mta-sts", (), behind, (page,)),
            )
        )
    return tuple(found)


def policy_names(hosts: Iterable[PolicyHost]) -> Iterable[Record]:
    """Where the policy hosts are."""
    return (Record(host.front.host, "A", ip) for host in hosts for ip in host.front.ips)


def mail_servers(target: Target, ips: Mapping[str, tuple[str, ...]]) -> tuple[MailServer, ...]:
    """A server for each component that promises one."""
    servers = []
    for name, component in target.components.items():
        if component.smtp is None:
            continue
        (host, port), smtp = component.endpoint, component.smtp
        servers.append(
            MailServer(
                name,
                host,
                (ips[host][0], local_port(port)),
                tls_of(host, [component]),
                implicit_tls=smtp.secures_at_once(port),
                login=(smtp.login.username, smtp.login.password) if smtp.login else ("app", "only-this-sandbox"),
            )
        )
    return tuple(servers)

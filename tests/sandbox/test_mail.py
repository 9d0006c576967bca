"""Promises on mail become records, a policy host and mail servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.deriving_mail import POLICY_PATH, dmarc_text, spf_text
from roadworthy.target.blocks.mail import Dmarc, Spf

if TYPE_CHECKING:
    from roadworthy.sandbox.deployment import Deployment


def records(deployment: Deployment, name: str, kind: str) -> list[str]:
    return [r.text for r in deployment.names.zone_of(name).records if (r.name, r.kind) == (name, kind)]


def test_a_domain_says_what_it_promises(deployment: Deployment) -> None:
    assert records(deployment, "letters.test", "MX") == ["10 mx1.letters.test.", "20 in.mailer.test."]
    assert records(deployment, "letters.test", "TXT") == ['"v=spf1 ip4:198.51.100.7 include:spf.mailer.test -all"']
    assert records(deployment, "in.mailer.test", "A")
    assert records(deployment, "s1._domainkey.letters.test", "TXT")[0].startswith('"v=DKIM1; k=rsa; p=')
    assert records(deployment, "parked.test", "MX") == ["0 ."]
    assert records(deployment, "parked.test", "TXT") == ['"v=spf1 -all"']


def test_the_policy_has_a_host_of_its_own(deployment: Deployment) -> None:
    (host,) = deployment.policies
    assert (host.component, host.front.host, host.front.port) == ("mail-domain", "mta-sts.letters.test", 443)
    assert records(deployment, host.front.host, "A") == list(host.front.ips)
    (page,) = host.service.pages
    assert page.path == POLICY_PATH
    assert page.body.splitlines()[1:4] == ["mode: enforce", "mx: mx1.letters.test", "mx: in.mailer.test"]
    assert deployment.front_of("mail-domain") is None


def test_a_mail_server_knows_the_promised_login_alone(deployment: Deployment) -> None:
    (server,) = deployment.mail
    assert (server.name, server.address[1], server.implicit_tls) == ("mail-relay", 10587, False)
    assert server.login == ("shop-app", "only-in-the-sandbox")
    assert deployment.store_of("mail-relay") is None


def test_what_is_not_promised_is_set_up_with_care() -> None:
    assert spf_text(None) == "v=spf1 ~all"
    assert spf_text(Spf(permits=("2001:db8::/64",))) == "v=spf1 ip6:2001:db8::/64 ~all"
    assert dmarc_text("shop.test", None, "quarantine") == "v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.test"
    lax = Dmarc(policy="none", subdomains="reject")
    assert dmarc_text("shop.test", lax, "quarantine").startswith("v=DMARC1; p=quarantine; sp=reject;")

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.tls import Suite
from roadworthy.rules.tls import SUITE_CLASSES, classes_of, covers
from tests.suites.tls.builders import certificate

LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(NAMES.filter(lambda name: not name.replace(".", "").isdigit()))
def test_a_name_covers_itself_in_any_case_and_nothing_below_or_above(name: str) -> None:
    own = certificate(dns_names=(name,))
    assert covers(own, name.upper())
    assert covers(own, f"{name}.")
    assert not covers(own, f"x{name}")
    assert not covers(own, f"www.{name}")
    assert not covers(certificate(dns_names=(f"www.{name}",)), name)


@given(LABELS, st.lists(LABELS, min_size=2, max_size=3).map(".".join))
def test_a_wildcard_stands_for_exactly_one_label(label: str, rest: str) -> None:
    wildcard = certificate(dns_names=(f"*.{rest}",))
    assert covers(wildcard, f"{label}.{rest}") or label.isdigit()
    assert not covers(wildcard, rest)
    assert not covers(wildcard, f"a.{label}.{rest}")


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (("*.example",), "shop.example"),  # a whole top-level domain
        (("*",), "example"),
        (("a*.shop.example",), "api.shop.example"),  # RFC 9525 section 6.3: whole labels alone
        (("api.*.example",), "api.shop.example"),
        (("*.*.example",), "api.shop.example"),
        (("*.shop.example",), ".shop.example"),
        (("192.0.2.7",), "192.0.2.7"),  # an address is no DNS name
        (("api.shop.example\0.evil.example",), "api.shop.example"),
        (("api.shop.example",), "api.shop.example.evil.example"),
        ((), "api.shop.example"),
    ],
)
def test_these_cover_nothing(names: tuple[str, ...], host: str) -> None:
    assert not covers(certificate(dns_names=names), host)


def test_an_international_name_is_compared_as_a_labels() -> None:
    assert covers(certificate(dns_names=("xn--mnchen-3ya.example",)), "München.example")
    assert covers(certificate(dns_names=("xn--strae-oqa.example",)), "Straße.example")
    assert not covers(certificate(dns_names=("strasse.example",)), "straße.example")
    assert covers(certificate(dns_names=("*.shop.example",)), "xn--mnchen-3ya.shop.example")


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "2001:DB8:0:0:0:0:0:7"])
def test_an_address_is_covered_by_an_address(host: str) -> None:
    both = certificate(dns_names=(), ip_addresses=("192.0.2.7", "2001:db8::7"))
    assert covers(both, host)
    assert not covers(certificate(ip_addresses=("192.0.2.8",)), host)


@pytest.mark.parametrize(
    ("iana", "kinds"),
    [
        ("TLS_AES_128_GCM_SHA256", set()),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", set()),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", {"cbc"}),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", {"rsa-kx"}),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", {"rsa-kx", "3des", "cbc"}),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", {"des", "cbc"}),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", {"rsa-kx", "export", "des", "cbc"}),
        ("TLS_RSA_EXPORT1024_WITH_RC4_56_MD5", {"rsa-kx", "export", "rc4", "md5"}),
        ("TLS_RSA_WITH_NULL_MD5", {"rsa-kx", "null", "md5"}),
        ("TLS_ECDHE_RSA_WITH_NULL_SHA", {"null"}),
        ("TLS_DH_anon_WITH_RC4_128_MD5", {"anonymous", "rc4", "md5"}),
        ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", {"anonymous", "cbc"}),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", {"rsa-kx", "3des", "cbc", "md5"}),
        ("SSL_CK_RC4_128_EXPORT40_WITH_MD5", {"rsa-kx", "rc4", "export", "md5"}),
    ],
)
def test_a_suite_tells_its_kinds_by_its_name(iana: str, kinds: set[str]) -> None:
    assert classes_of(Suite(iana=iana, openssl="")) == kinds


def test_a_suite_that_proved_anonymous_is_anonymous() -> None:
    assert classes_of(Suite(iana="TLS_NEW", openssl="", anonymous=True)) == {"anonymous"}
    assert set(SUITE_CLASSES) >= {"anonymous", "null", "export", "md5", "rc4", "des", "3des", "cbc", "rsa-kx"}

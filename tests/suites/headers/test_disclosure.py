from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import HeadersCase
from tests.suites.healthy import answered, case_of, fails, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_disclosure.py")


def page(promised: dict[str, Any], *headers: tuple[str, str]) -> HeadersCase:
    return case_of(HeadersCase, answered("", *headers), target(headers=promised))


def test_other_headers_have_their_whole_value(suite: ModuleType) -> None:
    check, promised = suite.test_other_headers_are_as_promised, {"other": {"X-Robots-Tag": "noindex", "X-Zone": "a"}}
    passes(check, page(promised, ("x-robots-tag", "noindex"), ("x-zone", "a")))
    fails(check, page(promised, ("x-robots-tag", "index"), ("x-zone", "a")), "X-Robots-Tag: index, promised noindex")
    fails(check, page(promised, ("x-robots-tag", "noindex")), "X-Zone: not sent, promised a")
    fails(
        check, page(promised, ("x-robots-tag", "noindex"), ("x-robots-tag", "none"), ("x-zone", "a")), "noindex, none"
    )


def test_unwanted_headers_are_absent(suite: ModuleType) -> None:
    check, promised = suite.test_unwanted_headers_are_not_sent, {"absent": ["Expect-CT", "X-Debug"]}
    passes(check, page(promised, ("x-debugger", "1")))
    fails(check, page(promised, ("expect-ct", "max-age=0"), ("x-debug", "")), "Expect-CT: max-age=0; X-Debug: ")


@pytest.mark.parametrize(
    "header",
    [
        ("server", "nginx"),
        ("server", "cloudflare"),
        ("server", "AmazonS3"),
        ("server", "ECS (dcb/7F83)"),
        ("x-powered-by", "Next.js"),
        ("via", "1.1 edge"),
        ("x-runtime", "0.012"),
    ],
)
def test_a_product_without_a_number_passes(suite: ModuleType, header: tuple[str, str]) -> None:
    passes(suite.test_no_header_tells_a_version, page({"hides_versions": True}, header))


@pytest.mark.parametrize(
    "header",
    [
        ("server", "nginx/1.25.3"),
        ("server", "Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips"),
        ("server", "OpenSSL/1.0.2k"),
        ("server", "Jetty(9.4.z-SNAPSHOT)"),
        ("x-powered-by", "PHP/8.1.2-1ubuntu2.14"),
        ("x-aspnet-version", "4.0.30319"),
        ("x-generator", "Drupal 10 (https://www.drupal.org)"),
        ("x-generator", "WordPress v6"),
    ],
)
def test_a_version_fails(suite: ModuleType, header: tuple[str, str]) -> None:
    fails(suite.test_no_header_tells_a_version, page({"hides_versions": True}, header), f"{header[0]}: {header[1]}")

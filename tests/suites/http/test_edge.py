"""Static files, methods, foreign names, content delivery networks, hidden servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.edge import ForeignHostCase, HiddenServerCase, MethodCase, NetworkCase, StaticCase
from roadworthy.facts.http import HttpObservation, Silence, SilenceKind
from tests.suites.healthy import NOW, answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

CSS = ("content-type", "text/css; charset=utf-8")
DATE = ("last-modified", "Sun, 01 Nov 2026 08:00:00 GMT")
STAMP = f"{1793520000:x}"
"""The same date, as nginx writes it into an ETag."""


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_edge.py")


# Static files


def file(seen: HttpObservation, media_type: str = "text/css") -> StaticCase:
    promised = target(http={"static": {"/app.css": media_type}, "static_from": "nginx"})
    return case_of(StaticCase, seen, promised)


def test_the_promised_file_passes(suite: ModuleType) -> None:
    passes(suite.test_the_file_is_there, file(answered("a{}", CSS)))
    passes(
        suite.test_the_file_is_there, file(answered("1", ("content-type", "application/javascript")), "text/javascript")
    )


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (answered("", CSS, status=404), "answered 404"),
        (answered("", CSS, status=304), "answered 304"),
        (answered("<!doctype html>", ("content-type", "text/html")), "a page in place of the file"),
        (answered("a{}", ("content-type", "text/plain")), "sent as text/plain, promised text/css"),
        (answered("a{}", ("content-type", "")), "no media type"),
        (answered("", CSS), "the file is empty"),
    ],
)
def test_anything_else_is_not_the_file(suite: ModuleType, seen: HttpObservation, told: str) -> None:
    fails(suite.test_the_file_is_there, file(seen), told)


def test_without_an_answer_the_file_can_not_be_told(suite: ModuleType) -> None:
    is_not_observed(suite.test_the_file_is_there, file(silent()))
    is_not_observed(suite.test_the_file_is_there, file(answered(status=502)), "502")


def test_nginx_is_known_by_its_etag(suite: ModuleType) -> None:
    check = suite.test_the_file_comes_from_the_edge
    passes(check, file(answered("a{}", CSS, DATE, ("etag", f'"{STAMP}-3"'), ("content-length", "3"))))
    passes(check, file(answered("a{}", CSS, DATE, ("etag", f'W/"{STAMP}-3"'))))


def test_what_fronts_add_is_not_of_an_application(suite: ModuleType) -> None:
    headers = (DATE, ("etag", f'"{STAMP}-3"'), ("x-request-id", "5f"))
    for cookie in ("AWSALB=x; Path=/", "AWSALBCORS=x", "__cf_bm=x; HttpOnly", "_cfuvid=x"):
        passes(suite.test_the_file_comes_from_the_edge, file(answered("a{}", CSS, *headers, ("set-cookie", cookie))))


@pytest.mark.parametrize(
    "headers",
    [
        (DATE, ("etag", f'"{STAMP}-4"')),  # another size
        (DATE, ("etag", f'"{1793520001:x}-3"')),  # another date
        (DATE, ("etag", 'W/"3-19a3f0c2d80"')),  # Express
        (DATE, ("etag", f'"{STAMP}-3"'), ("x-powered-by", "Express")),
        (("x-powered-by", "PHP/8.3"),),
        (DATE, ("etag", f'"{STAMP}-3"'), ("set-cookie", "session=1")),
    ],
)
def test_an_application_is_known_too(suite: ModuleType, headers: tuple[tuple[str, str], ...]) -> None:
    fails(suite.test_the_file_comes_from_the_edge, file(answered("a{}", CSS, *headers)))


def test_without_an_etag_the_sender_can_not_be_told(suite: ModuleType) -> None:
    check = suite.test_the_file_comes_from_the_edge
    is_not_observed(check, file(answered("a{}", CSS, DATE)), "no ETag")
    is_not_observed(check, file(answered("a{}", CSS, ("etag", f'"{STAMP}-3"'))), "Last-Modified")
    is_not_observed(check, file(answered("", CSS, status=404)), "404")


# Methods


def method(name: str, seen: HttpObservation, *promised: str) -> MethodCase:
    looked = target(http={"methods": {"/items": list(promised or ("GET", "HEAD"))}})
    tried = [ask.method for _, ask in MethodCase.looks(looked, looked.components["api"])]
    return case_of(MethodCase, seen, looked, nth=tried.index(name))  # type: ignore[arg-type]


def test_nothing_is_tried_that_could_do_something() -> None:
    promised = target(http={"methods": {"/items": ["GET", "POST", "DELETE"]}})
    tried = [ask.method for _, ask in MethodCase.looks(promised, promised.components["api"])]
    assert tried == ["GET", "OPTIONS", "TRACE", "ROADWORTHY"]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("GET", answered()),
        ("GET", answered(status=401)),
        ("HEAD", answered("")),
        ("OPTIONS", answered("", ("allow", "GET, HEAD, OPTIONS"), status=204)),
        ("OPTIONS", answered("", status=405)),
        ("TRACE", answered("", ("allow", "GET"), status=405)),
        ("TRACE", silent(SilenceKind.CLOSED)),
        *(("ROADWORTHY", answered("", status=status)) for status in (400, 403, 404, 405, 501)),
    ],
)
def test_promised_methods_are_taken_and_others_refused(suite: ModuleType, name: str, seen: HttpObservation) -> None:
    passes(suite.test_only_promised_methods_are_taken, method(name, seen))


@pytest.mark.parametrize(
    ("name", "seen", "told"),
    [
        ("GET", answered("", status=405), "GET is answered 405"),
        ("HEAD", answered("", status=501), "HEAD is answered 501"),
        ("TRACE", answered("TRACE /items HTTP/1.1\r\n"), "sends back what it was sent"),
        ("ROADWORTHY", answered(), "which no page can know, is answered 200"),
        ("ROADWORTHY", answered(status=500), "500"),
        ("OPTIONS", answered("", ("allow", "GET, PUT, DELETE"), status=204), "Allow names DELETE, PUT, too"),
        ("TRACE", answered("", ("allow", "GET, POST"), status=405), "Allow names POST, too"),
    ],
)
def test_a_method_too_few_or_too_many_fails(suite: ModuleType, name: str, seen: HttpObservation, told: str) -> None:
    fails(suite.test_only_promised_methods_are_taken, method(name, seen), told)


def test_silence_is_no_refusal(suite: ModuleType) -> None:
    check = suite.test_only_promised_methods_are_taken
    is_not_observed(check, method("TRACE", silent(SilenceKind.TIMED_OUT)), "timed out")
    is_not_observed(check, method("GET", silent(SilenceKind.CLOSED)))
    is_not_observed(check, method("ROADWORTHY", answered(status=502)), "502")


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_not_there_refuses_everything(suite: ModuleType, status: int) -> None:
    is_not_observed(suite.test_only_promised_methods_are_taken, method("GET", answered(status=status)), "that exists")


def test_head_goes_with_get(suite: ModuleType) -> None:
    seen = answered("", ("allow", "GET, HEAD, POST"), status=204)
    passes(suite.test_only_promised_methods_are_taken, method("OPTIONS", seen, "GET", "POST"))


# Foreign names


def foreign(seen: HttpObservation) -> ForeignHostCase:
    return case_of(ForeignHostCase, seen, target(http={"unknown_hosts": "refused"}))


def to(location: str, status: int = 301) -> HttpObservation:
    return answered("", ("location", location), status=status)


@pytest.mark.parametrize(
    "seen",
    [
        *(answered("", status=status) for status in (400, 403, 404, 421, 530)),
        silent(SilenceKind.CLOSED),  # nginx's 444
        silent(SilenceKind.RESET),
        silent(SilenceKind.TLS_FAILED),
        to("https://api.shop.example/"),
    ],
)
def test_a_foreign_name_that_gets_nothing_passes(suite: ModuleType, seen: HttpObservation) -> None:
    passes(suite.test_a_foreign_name_gets_no_page, foreign(seen))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (answered(), "roadworthy.invalid gets a page"),
        (to("https://roadworthy.invalid/login"), "comes from whoever asks"),
        (to("/login"), "as if roadworthy.invalid were api.shop.example"),
        (answered("", status=304), "leads on to nowhere"),
    ],
)
def test_a_foreign_name_that_gets_something_fails(suite: ModuleType, seen: HttpObservation, told: str) -> None:
    fails(suite.test_a_foreign_name_gets_no_page, foreign(seen), told)


def test_a_silence_that_may_be_anything_is_not_observed(suite: ModuleType) -> None:
    is_not_observed(suite.test_a_foreign_name_gets_no_page, foreign(silent(SilenceKind.TIMED_OUT)))
    is_not_observed(suite.test_a_foreign_name_gets_no_page, foreign(silent(SilenceKind.REFUSED)))


# Content delivery networks


def network(name: str, *headers: tuple[str, str], **changes: Any) -> NetworkCase:
    return case_of(NetworkCase, answered("", *headers, **changes), target(http={"served_by": name}))


CLOUDFLARE = (("server", "cloudflare"), ("cf-ray", "8f3a9c1b2d4e5f60-FRA"))
CLOUDFRONT = (
    ("via", "1.1 4f0ca5d1b5a6.cloudfront.net (CloudFront)"),
    ("x-amz-cf-id", "mJ3bJ9yT4y2nq1=="),
    ("x-amz-cf-pop", "FRA56-P4"),
)


def test_the_networks_headers_pass(suite: ModuleType) -> None:
    check = suite.test_the_page_comes_through_the_network
    passes(check, network("cloudflare", *CLOUDFLARE))
    passes(check, network("cloudflare", *CLOUDFLARE, status=404))
    passes(check, network("cloudfront", *CLOUDFRONT))
    passes(check, network("cloudfront", ("via", "1.1 varnish"), *CLOUDFRONT))


def test_an_answer_without_them_fails(suite: ModuleType) -> None:
    check = suite.test_the_page_comes_through_the_network
    fails(check, network("cloudflare", ("server", "nginx")), "server is nginx", "cf-ray is not sent")
    fails(check, network("cloudflare", CLOUDFLARE[0], ("cf-ray", "yes")), "cf-ray is yes")
    fails(check, network("cloudfront", *CLOUDFLARE), "via is not sent", "x-amz-cf-id")
    fails(check, network("cloudfront", ("via", "1.1 varnish"), *CLOUDFRONT[1:]), "via is 1.1 varnish")


def test_the_error_of_a_gateway_says_nothing_of_it(suite: ModuleType) -> None:
    is_not_observed(suite.test_the_page_comes_through_the_network, network("cloudflare", status=503))


# Hidden servers


def unsent(kind: SilenceKind) -> HttpObservation:
    return HttpObservation(observed_at=NOW, result=Silence(silence=kind, detail="", elapsed_s=4, sent=False))


def hidden(seen: HttpObservation, endpoint: str = "192.0.2.99:443", **blocks: Any) -> HiddenServerCase:
    return case_of(HiddenServerCase, seen, target(http={"hides_origin": [endpoint]}, **blocks))


def test_the_server_is_asked_for_our_page_under_our_name() -> None:
    promised = target(
        http={"hides_origin": ["192.0.2.99:443", "192.0.2.99:8000", "https://origin.example:8443", "[2001:db8::1]:80"]},
        health={"path": "/health?deep=1"},
    )
    asks = [ask for _, ask in HiddenServerCase.looks(promised, promised.components["api"])]
    assert [(ask.host, ask.port, ask.url) for ask in asks] == [
        ("192.0.2.99", 443, "https://api.shop.example/health?deep=1"),
        ("192.0.2.99", 8000, "http://api.shop.example:8000/health?deep=1"),
        ("origin.example", 8443, "https://api.shop.example:8443/health?deep=1"),
        ("2001:db8::1", 80, "http://api.shop.example/health?deep=1"),
    ]


@pytest.mark.parametrize(
    "seen",
    [
        *(silent(kind) for kind in SilenceKind if kind not in (SilenceKind.TIMED_OUT, SilenceKind.GARBLED)),
        unsent(SilenceKind.TIMED_OUT),
        *(answered("", status=status) for status in (400, 403, 421, 495)),
    ],
)
def test_a_server_that_gives_nothing_passes(suite: ModuleType, seen: HttpObservation) -> None:
    passes(suite.test_the_origin_serves_nobody_past_the_network, hidden(seen))


@pytest.mark.parametrize("kind", [SilenceKind.TIMED_OUT, SilenceKind.GARBLED])
def test_a_server_that_takes_the_request_is_not_hidden_for_sure(suite: ModuleType, kind: SilenceKind) -> None:
    is_not_observed(suite.test_the_origin_serves_nobody_past_the_network, hidden(silent(kind)), kind.value)


@pytest.mark.parametrize("status", [401, 404, 405, 410])
def test_an_error_hides_only_a_page_that_is_there(suite: ModuleType, status: int) -> None:
    check, seen = suite.test_the_origin_serves_nobody_past_the_network, answered("", status=status)
    passes(check, hidden(seen, health={"path": "/up"}))
    is_not_observed(check, hidden(seen, health={"path": "/up", "status": status}), "promise a `health` path")
    is_not_observed(check, hidden(seen), f"answered {status}")


def test_the_redirect_to_the_public_name_gives_nothing_away(suite: ModuleType) -> None:
    check = suite.test_the_origin_serves_nobody_past_the_network
    passes(check, hidden(to("https://api.shop.example/"), "192.0.2.99:80"))
    fails(check, hidden(to("https://api.shop.example/"), "192.0.2.99:443"))
    fails(check, hidden(to("https://other.example/"), "192.0.2.99:80"))


@pytest.mark.parametrize("seen", [answered(), answered("", status=204), to("/login", 302)])
def test_a_server_that_answers_fails(suite: ModuleType, seen: HttpObservation) -> None:
    fails(suite.test_the_origin_serves_nobody_past_the_network, hidden(seen), "answers whoever asks it directly")


def test_a_server_that_is_broken_can_not_be_told(suite: ModuleType) -> None:
    is_not_observed(suite.test_the_origin_serves_nobody_past_the_network, hidden(answered(status=502)), "502")

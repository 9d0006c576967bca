from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import CorsCase, HeadersCase, PreflightCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SHOP, ADMIN = "https://www.shop.example", "https://admin.shop.example:8443"
VARY = ("vary", "Origin")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_isolation.py")


def page(header: str, promised: str, *values: str) -> HeadersCase:
    seen = answered("", *((header, value) for value in values))
    return case_of(HeadersCase, seen, target(headers={header: promised}))


def test_opener_policy(suite: ModuleType) -> None:
    check, header = suite.test_other_sites_get_no_hold_of_the_window, "cross-origin-opener-policy"
    passes(check, page(header, "same-origin", "same-origin"))
    passes(check, page(header, "same-origin", ' same-origin; report-to="coop"'))
    fails(check, page(header, "same-origin"), "not sent")
    fails(check, page(header, "same-origin", "same-origin-allow-popups"), "promised same-origin")
    fails(check, page(header, "same-origin", "Same-Origin"), "promised same-origin")
    fails(check, page(header, "same-origin", '"same-origin"'), "promised same-origin")
    fails(check, page(header, "same-origin", "same-origin", "same-origin"), "invalid, browsers ignore it")


def test_embedder_policy(suite: ModuleType) -> None:
    check, header = suite.test_only_what_agrees_is_embedded, "cross-origin-embedder-policy"
    passes(check, page(header, "require-corp", 'require-corp; report-to="coep"'))
    fails(check, page(header, "require-corp", "credentialless"), "credentialless, promised require-corp")
    fails(check, page(header, "require-corp"), "not sent")


def test_resource_policy(suite: ModuleType) -> None:
    check, header = suite.test_other_sites_cannot_embed_the_answer, "cross-origin-resource-policy"
    passes(check, page(header, "same-origin", " same-origin "))
    fails(check, page(header, "same-origin"), "not sent")
    fails(check, page(header, "same-origin", "same-site"), "same-site, promised same-origin")
    fails(check, page(header, "same-origin", "Same-Origin"), "promised")
    fails(check, page(header, "same-origin", "same-origin; report-to=x"), "promised")
    fails(check, page(header, "same-origin", "same-origin", "same-origin"), "same-origin, same-origin")


def visitor(
    origin: str, *headers: tuple[str, str], allows: tuple[str, ...] = (SHOP, ADMIN), **changes: Any
) -> CorsCase:
    status = changes.pop("status", 200)
    promised = target(headers={"cors": {"allows": allows, "path": "/catalogue.json", **changes}})
    asked = [look.origin for look, _ in CorsCase.looks(promised, promised.components["api"])]
    return case_of(CorsCase, answered("", *headers, status=status), promised, nth=asked.index(origin))


def allowed(origin: str) -> tuple[str, str]:
    return ("access-control-allow-origin", origin)


CREDENTIALS = ("access-control-allow-credentials", "true")


def test_an_allowed_origin_is_echoed(suite: ModuleType) -> None:
    check = suite.test_only_promised_origins_may_read
    passes(check, visitor(SHOP, allowed(SHOP), VARY))
    passes(check, visitor(ADMIN, allowed(ADMIN), ("vary", "accept-encoding, ORIGIN")))
    passes(check, visitor(SHOP, allowed(SHOP), VARY, CREDENTIALS, credentials=True))


def test_an_allowed_origin_that_is_not_let_in_fails(suite: ModuleType) -> None:
    check = suite.test_only_promised_origins_may_read
    fails(check, visitor(SHOP, VARY), "not at all", f"promised {SHOP}")
    fails(check, visitor(SHOP, allowed("*")), "any origin may read it")
    fails(check, visitor(SHOP, allowed(f"{SHOP}/"), VARY), "promised")
    fails(check, visitor(SHOP, allowed(SHOP), allowed(SHOP), VARY), f"{SHOP}, {SHOP}")
    fails(check, visitor(ADMIN, allowed(SHOP), VARY), f"promised {ADMIN}")


def test_credentials_are_as_promised(suite: ModuleType) -> None:
    check = suite.test_only_promised_origins_may_read
    fails(check, visitor(SHOP, allowed(SHOP), VARY, CREDENTIALS), "credentials are allowed")
    fails(check, visitor(SHOP, allowed(SHOP), VARY, credentials=True), "credentials are not allowed")
    upper = ("access-control-allow-credentials", "True")
    fails(check, visitor(SHOP, allowed(SHOP), VARY, upper, credentials=True), "credentials are not allowed")


def test_an_answer_for_one_origin_varies(suite: ModuleType) -> None:
    fails(suite.test_only_promised_origins_may_read, visitor(SHOP, allowed(SHOP)), "Vary: Origin is missing")


def test_a_name_that_stands_in_every_answer_need_not_vary(suite: ModuleType) -> None:
    check, one = suite.test_only_promised_origins_may_read, {"allows": (SHOP,)}
    stranger = "https://roadworthy.invalid"
    passes(check, visitor(SHOP, allowed(SHOP), **one))
    passes(check, visitor(stranger, allowed(SHOP), **one))
    passes(check, visitor(stranger, VARY, **one))
    passes(check, visitor(stranger, status=403, **one))
    fails(check, visitor(stranger, **one), "Vary: Origin is missing")
    below = "https://*.shop.example"
    fails(check, visitor("https://roadworthy.shop.example", allowed("https://roadworthy.shop.example"),
                         allows=(below,)), "Vary: Origin is missing")  # fmt: skip


HOSTILE = [
    "https://roadworthy.invalid",
    "null",
    "https://www.shop.example.roadworthy.invalid",
    "https://roadworthywww.shop.example",
    "http://api.shop.example",
    "http://www.shop.example",
    "https://www.shop.example:8765",
    "https://roadworthy.www.shop.example",
    "https://wwwxshop.example",
    "https://admin.shop.example.roadworthy.invalid:8443",
]


@pytest.mark.parametrize("origin", HOSTILE)
def test_a_hostile_origin_is_not_let_in(suite: ModuleType, origin: str) -> None:
    check = suite.test_only_promised_origins_may_read
    passes(check, visitor(origin))
    passes(check, visitor(origin, allowed(SHOP), VARY))
    fails(check, visitor(origin, allowed(origin), VARY), f"origin {origin} may read it")
    fails(check, visitor(origin, allowed("*")), "any origin may read it")
    fails(check, visitor(origin, allowed(origin), VARY, CREDENTIALS), "with credentials")


def test_a_promised_look_alike_is_not_hostile() -> None:
    promised = target(headers={"cors": {"allows": [SHOP, "http://www.shop.example"]}})
    asked = [look.origin for look, _ in CorsCase.looks(promised, promised.components["api"])]
    assert asked.count("http://www.shop.example") == asked.count(SHOP) == 1


def test_where_everybody_is_allowed_nobody_is_hostile(suite: ModuleType) -> None:
    check, stranger = suite.test_only_promised_origins_may_read, "https://roadworthy.invalid"
    promised = target(headers={"cors": {"allows": ["*"]}})
    assert len(list(CorsCase.looks(promised, promised.components["api"]))) == 1
    passes(check, visitor(stranger, allowed("*"), allows=("*",)))
    fails(check, visitor(stranger, allowed(stranger), VARY, allows=("*",)), "promised *")


def test_the_origin_is_sent_and_a_failing_service_not_judged(suite: ModuleType) -> None:
    assert visitor("null").ask.headers == (("origin", "null"),)
    assert visitor("null").ask.url == "https://api.shop.example/catalogue.json"
    is_not_observed(suite.test_only_promised_origins_may_read, visitor(SHOP, status=502), "502")
    is_not_observed(suite.test_only_promised_origins_may_read, visitor(SHOP, status=500), "500")


def test_a_service_may_refuse_an_origin_with_an_error(suite: ModuleType) -> None:
    read, send = suite.test_only_promised_origins_may_read, suite.test_only_promised_origins_may_send
    passes(read, visitor("null", status=500))
    fails(read, visitor("null", allowed("null"), status=500), "origin null may read it")
    is_not_observed(read, visitor("null", status=502), "502")
    passes(send, preflight("null", status=500))
    is_not_observed(send, preflight("null", status=503), "503")
    is_not_observed(send, preflight(SHOP, status=500), "500")


def test_a_page_that_is_not_there_keeps_no_promise(suite: ModuleType) -> None:
    promised = target(headers={"cross-origin-opener-policy": "same-origin", "cors": {"allows": [SHOP]}})
    gone = answered("", ("cross-origin-opener-policy", "same-origin"), status=404)
    opener = case_of(HeadersCase, gone, promised)
    is_not_observed(suite.test_other_sites_get_no_hold_of_the_window, opener, "name a page that exists")
    reader = case_of(CorsCase, gone, promised)
    is_not_observed(suite.test_only_promised_origins_may_read, reader, "name a page that exists")


def test_every_origin_below_a_name_may_be_allowed(suite: ModuleType) -> None:
    check, allows = suite.test_only_promised_origins_may_read, ("https://*.shop.example",)
    below = "https://roadworthy.shop.example"
    passes(check, visitor(below, allowed(below), VARY, allows=allows))
    fails(check, visitor(below, VARY, allows=allows), "promised https://roadworthy.shop.example")
    for hostile in ("https://shop.example.roadworthy.invalid", "https://roadworthyshop.example", "http://shop.example"):
        fails(check, visitor(hostile, allowed(hostile), VARY, allows=allows), "may read it")


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"allows": ["shop.example"]}, "is no origin"),
        ({"allows": ["https://shop.example/app"]}, "is no origin"),
        ({"allows": ["https://a.*.example"]}, "is no origin"),
        ({"allows": ["*"], "credentials": True}, "credentials go to named origins only"),
        ({"allows": ["*", "https://shop.example"]}, "name origins"),
        ({"allows": ["https://shop.example"], "headers": ["x-a"]}, "name the methods"),
    ],
)
def test_a_promise_that_can_not_be_kept_is_refused(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        target(headers={"cors": promised})


def preflight(
    origin: str, *headers: tuple[str, str], method: str = "DELETE", status: int = 204, **changes: Any
) -> PreflightCase:
    cors = {"allows": [SHOP], "methods": ["GET", "DELETE"], "headers": ["X-Token", "Authorization"], **changes}
    promised = target(headers={"cors": {name: value for name, value in cors.items() if value is not None}})
    asked = [(look.origin, look.method) for look, _ in PreflightCase.looks(promised, promised.components["api"])]
    return case_of(PreflightCase, answered("", *headers, status=status), promised, nth=asked.index((origin, method)))


METHODS = ("access-control-allow-methods", "GET, DELETE, OPTIONS")
NAMED = ("access-control-allow-headers", "authorization,X-TOKEN , other")


def test_an_allowed_origin_may_send_what_is_promised(suite: ModuleType) -> None:
    check, let_in = suite.test_only_promised_origins_may_send, (allowed(SHOP), METHODS, NAMED)
    passes(check, preflight(SHOP, *let_in))
    passes(check, preflight(SHOP, *let_in, status=200, method="GET"))
    credentials = (*let_in, CREDENTIALS)
    passes(check, preflight(SHOP, *credentials, credentials=True))
    fails(check, preflight(SHOP, *let_in, credentials=True), "credentials are not allowed")
    fails(check, preflight(SHOP, allowed("*"), *let_in[1:]), "any origin may send requests")
    passes(check, preflight("https://roadworthy.invalid", allowed("*"), *let_in[1:], allows=["*"]))
    fails(check, preflight(SHOP, *let_in, status=405), "is refused: 405")
    fails(check, preflight(SHOP, *let_in, status=302), "is refused: 302")
    fails(check, preflight(SHOP, METHODS, NAMED), "Access-Control-Allow-Origin not sent")
    fails(check, preflight(SHOP, allowed(SHOP), NAMED), "DELETE is not allowed (Access-Control-Allow-Methods: none)")
    fails(check, preflight(SHOP, allowed(SHOP), (METHODS[0], "delete"), NAMED), "DELETE is not allowed")
    fails(check, preflight(SHOP, allowed(SHOP), METHODS), "the request header X-Token is not allowed")
    passes(check, preflight(SHOP, allowed(SHOP), NAMED, method="GET"))


def test_a_wildcard_is_no_name_beside_credentials_nor_for_authorization(suite: ModuleType) -> None:
    check, any_header = suite.test_only_promised_origins_may_send, (NAMED[0], "*")
    fails(check, preflight(SHOP, allowed(SHOP), METHODS, any_header), "Authorization is not allowed")
    passes(check, preflight(SHOP, allowed(SHOP), METHODS, any_header, headers=["X-Token"]))
    sent = (allowed(SHOP), METHODS, any_header, CREDENTIALS, VARY)
    fails(check, preflight(SHOP, *sent, headers=["X-Token"], credentials=True), "X-Token is not allowed")
    fails(check, preflight(SHOP, allowed(SHOP), (METHODS[0], "*"), NAMED), "every method is allowed")


def test_methods_beyond_the_promise_fail(suite: ModuleType) -> None:
    check = suite.test_only_promised_origins_may_send
    fails(
        check,
        preflight(SHOP, allowed(SHOP), (METHODS[0], "DELETE, PUT, PATCH, POST"), NAMED),
        "PATCH, PUT allowed beyond",
    )


@pytest.mark.parametrize("origin", ["https://roadworthy.invalid", "null", f"{SHOP}.roadworthy.invalid"])
def test_a_hostile_origin_may_not_send(suite: ModuleType, origin: str) -> None:
    check = suite.test_only_promised_origins_may_send
    passes(check, preflight(origin))
    passes(check, preflight(origin, allowed(SHOP), METHODS))
    passes(check, preflight(origin, allowed(origin), METHODS, status=403))
    fails(check, preflight(origin, allowed(origin), METHODS), f"origin {origin} may send DELETE requests")
    fails(check, preflight(origin, allowed("*")), "may send DELETE requests (*)")


def test_where_no_method_is_promised_strangers_alone_are_tried(suite: ModuleType) -> None:
    promised = target(headers={"cors": {"allows": [SHOP]}})
    looks = list(PreflightCase.looks(promised, promised.components["api"]))
    assert [(look.origin, look.method) for look, _ in looks] == [("https://roadworthy.invalid", "PUT"), ("null", "PUT")]
    case = preflight("null", allowed("null"), method="PUT", methods=None, headers=None)
    fails(suite.test_only_promised_origins_may_send, case, "origin null may send PUT requests")
    assert dict(case.ask.headers) == {"origin": "null", "access-control-request-method": "PUT"}


def test_a_preflight_asks_as_browsers_do() -> None:
    ask = preflight(SHOP).ask
    assert (ask.method, ask.headers) == (
        "OPTIONS",
        (
            ("origin", SHOP),
            ("access-control-request-method", "DELETE"),
            ("access-control-request-headers", "authorization,x-token"),
        ),
    )

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.exposure import (
    BackupsCase,
    DebugCase,
    DebugPagesCase,
    DotFilesCase,
    ListingsCase,
    PanelsCase,
    PathsCase,
    SourceMapsCase,
)
from roadworthy.facts.http import SilenceKind
from roadworthy.facts.paths import Glimpse, PathsAsk, PathsObservation, SourceMap, Spot
from tests.suites.healthy import NOW, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Change = dict[str, Any]

HTML = "text/html"
NOT_FOUND: Change = {"status": 404, "media_type": HTML, "start": "<html><h1>404 Not Found</h1></html>"}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("exposure/test_leaks.py")


def places(kind: type[Any], there: dict[str, Change], rest: Change = NOT_FOUND, **promised: Any) -> Any:
    """A case of a server that answers some places in their own way, and every other one alike."""
    url = promised.pop("url", "https://www.shop.example")
    changes = {
        name: promised.pop(name)
        for name in ("page_status", "source_maps", "scripts", "scripts_unanswered")
        if name in promised
    }
    shop = target(url, exposure=promised)
    _, ask = next(iter(kind.looks(shop, shop.components["api"])))
    assert isinstance(ask, PathsAsk)
    glimpses = tuple(Glimpse(spot=spot, **{**rest, **there.get(str(spot), {})}) for spot in ask.spots)
    assert there.keys() <= {str(spot) for spot in ask.spots}
    return case_of(kind, PathsObservation(observed_at=NOW, glimpses=glimpses, **changes), shop)


def file(start: str = "", media_type: str = "text/plain", magic: str = "") -> Change:
    return {"status": 200, "media_type": media_type, "start": start, "magic": magic}


def page(start: str) -> Change:
    return file(f"<!doctype html><html>{start}</html>", HTML)


HIDDEN = [
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.env", file("APP_NAME=…\nDB_PASSWORD=…")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.env.production", file("export DATABASE_URL=…")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.env", file("NODE_ENV=…", "application/octet-stream")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.env", file("APP_NAME=…\nDB_HOST=…", HTML)),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.htaccess", file("<IfModule mod_rewrite.c>", HTML)),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.git/config", file("[core]\n\tbare = …")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.git/HEAD", file("ref: refs/heads/main\n")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.git/HEAD", file("4b825dc642cb6eb9a060e54bf8d69288fbee4904\n")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.DS_Store", file(magic="00000001427564310000100000000000")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.htpasswd", file("admin:…")),
    (DotFilesCase, "test_no_dot_file_is_handed_out", "/.ssh/id_rsa", file("[key]")),
    (BackupsCase, "test_no_backup_is_handed_out", "/backup.sql", file("-- MySQL dump 10.13  Distrib 8.0.36\n")),
    (BackupsCase, "test_no_backup_is_handed_out", "/shop.sql", file("\n\nCREATE TABLE `users` (")),
    (BackupsCase, "test_no_backup_is_handed_out", "/www.shop.example.zip", file(magic="504b03040a0000000000")),
    (BackupsCase, "test_no_backup_is_handed_out", "/index.php~", file("<?php\necho 1;", HTML)),
    (BackupsCase, "test_no_backup_is_handed_out", "/backup.tar.gz", file(magic="1f8b0800000000000003")),
    (BackupsCase, "test_no_backup_is_handed_out", "/wp-config.php.bak", file("<?php\ndefine('DB_NAME', 'shop');")),
    (DebugPagesCase, "test_no_debug_page_answers", "/_ignition/health-check", file('{"can_execute_commands":true}')),
    (DebugPagesCase, "test_no_debug_page_answers", "/phpinfo.php", page("<title>PHP 8.3.1 - phpinfo()</title>")),
    (DebugPagesCase, "test_no_debug_page_answers", "/@vite/client", file("import.meta.hot", "text/javascript")),
    (PanelsCase, "test_no_operators_panel_answers", "/telescope/requests", page("<title>Telescope</title>")),
    (PanelsCase, "test_no_operators_panel_answers", "/server-status", page("<h1>Apache Server Status for shop</h1>")),
    (PanelsCase, "test_no_operators_panel_answers", "/nginx_status", file("Active connections: 1 \n")),
    (PanelsCase, "test_no_operators_panel_answers", "/actuator/env", file('{"activeProfiles":[]}')),
    (ListingsCase, "test_no_folder_lists_its_files", "/uploads/", page("<title>Index of /uploads/</title>")),
    (ListingsCase, "test_no_folder_lists_its_files", "/files/", page("<h1>Directory listing for /files/</h1>")),
]


def test_each_kind_is_found_and_missed(suite: ModuleType) -> None:
    examples = {kind: {path: there} for kind, _, path, there in HIDDEN}

    def found(kind: type[Any]) -> Any:
        return places(kind, examples[kind], hides=[kind.KIND])

    def missed(kind: type[Any]) -> Any:
        return places(kind, {}, hides=[kind.KIND])

    fails(suite.test_no_dot_file_is_handed_out, found(DotFilesCase), "hands out")
    passes(suite.test_no_dot_file_is_handed_out, missed(DotFilesCase))
    fails(suite.test_no_backup_is_handed_out, found(BackupsCase), "hands out")
    passes(suite.test_no_backup_is_handed_out, missed(BackupsCase))
    fails(suite.test_no_debug_page_answers, found(DebugPagesCase), "hands out")
    passes(suite.test_no_debug_page_answers, missed(DebugPagesCase))
    fails(suite.test_no_operators_panel_answers, found(PanelsCase), "hands out")
    passes(suite.test_no_operators_panel_answers, missed(PanelsCase))
    fails(suite.test_no_folder_lists_its_files, found(ListingsCase), "hands out")
    passes(suite.test_no_folder_lists_its_files, missed(ListingsCase))


@pytest.mark.parametrize(
    ("kind", "check", "path"),
    [
        (DebugPagesCase, "test_no_debug_page_answers", "/debug/pprof/"),
        (DebugPagesCase, "test_no_debug_page_answers", "/webpack-dev-server"),
        (PanelsCase, "test_no_operators_panel_answers", "/pulse"),
    ],
)
def test_a_page_for_everything_gives_nothing_away(suite: ModuleType, kind: type[Any], check: str, path: str) -> None:
    def answered(nonce: int, path: str = "/") -> Change:
        return page(f"<title>Pulse</title><link rel=canonical href='https://shop{path}'><p nonce='{nonce}'>")

    one_page = places(kind, {path: answered(1, path)}, answered(2), hides=[kind.KIND])
    passes(getattr(suite, check), one_page)
    real = page("<title>Pulse</title><h1>Types of profiles available</h1>webpack-dev-server")
    fails(getattr(suite, check), places(kind, {path: real}, hides=[kind.KIND]), path)


@pytest.mark.parametrize(("kind", "check", "path", "there"), HIDDEN)
def test_what_is_handed_out_fails(suite: ModuleType, kind: type[Any], check: str, path: str, there: Change) -> None:
    fails(getattr(suite, check), places(kind, {path: there}, hides=[kind.KIND]), path)


@pytest.mark.parametrize(("kind", "check", "path", "there"), HIDDEN)
def test_nothing_there_passes(suite: ModuleType, kind: type[Any], check: str, path: str, there: Change) -> None:
    passes(getattr(suite, check), places(kind, {}, hides=[kind.KIND]))
    passes(getattr(suite, check), places(kind, {path: {**there, "status": 403}}, hides=[kind.KIND]))
    passes(getattr(suite, check), places(kind, {}, page("<h1>Our shop</h1>"), hides=[kind.KIND]))
    passes(getattr(suite, check), places(kind, {}, there, hides=[kind.KIND]))  # one answer to every path is no file


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/.env", page("APP_NAME=Shop")),
        ("/.git/config", page("<pre>[core]</pre>")),
        ("/.env", file("this is not an environment file")),
        ("/.DS_Store", file(magic="89504e470d0a1a0a")),
    ],
)
def test_a_page_in_its_place_is_no_file(suite: ModuleType, path: str, there: Change) -> None:
    passes(suite.test_no_dot_file_is_handed_out, places(DotFilesCase, {path: there}, hides=["dot-files"]))


def test_what_was_not_answered_is_not_hidden(suite: ModuleType) -> None:
    check = suite.test_no_dot_file_is_handed_out
    silent: Change = {"status": None, "silence": SilenceKind.TIMED_OUT}
    is_not_observed(check, places(DotFilesCase, {"/.env.dev": silent}, hides=["dot-files"]), "/.env.dev", "timed out")
    is_not_observed(check, places(DotFilesCase, {"/.env.dev": {"status": 429}}, hides=["dot-files"]), "too often")
    leaking = {"/.env.dev": silent, "/.env": file("APP_KEY=…")}
    fails(check, places(DotFilesCase, leaking, hides=["dot-files"]), "/.env hands out")


def test_a_component_below_a_path_is_asked_there(suite: ModuleType) -> None:
    url = "https://www.shop.example/app"
    leaking = places(DotFilesCase, {"/app/.env": file("APP_KEY=…")}, url=url, hides=["dot-files"])
    fails(suite.test_no_dot_file_is_handed_out, leaking, "/app/.env hands out")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_denied_places_pass(suite: ModuleType, status: int) -> None:
    passes(suite.test_places_are_denied, places(PathsCase, {"/private": {"status": status}}, denies=["/private"]))


def test_places_that_are_not_denied_fail(suite: ModuleType) -> None:
    check = suite.test_places_are_denied
    fails(check, places(PathsCase, {"/private": file("secret")}, denies=["/private"]), "/private answered 200")
    moved = {"/private": {"status": 302, "location": "/login"}}
    fails(check, places(PathsCase, moved, denies=["/private"]), "302", "to /login")
    alike = places(PathsCase, {}, page("Our shop"), denies=["/private"])
    fails(check, alike, "200", "the page that any path gets")
    for status in (429, 500, 503):
        is_not_observed(check, places(PathsCase, {"/private": {"status": status}}, denies=["/private"]), str(status))


def test_places_that_are_left_open(suite: ModuleType) -> None:
    check, path = suite.test_places_are_not_denied_along_with_others, "/.well-known/acme-challenge/x"
    for status in (200, 404, 301):
        passes(check, places(PathsCase, {path: {"status": status}}, leaves_open=[path]))
    for status in (401, 403):
        fails(check, places(PathsCase, {path: {"status": status}}, leaves_open=[path]), f"answered {status}")
    is_not_observed(check, places(PathsCase, {path: {"status": 502}}, leaves_open=[path]), "502")


def test_source_maps(suite: ModuleType) -> None:
    check = suite.test_no_source_map_is_handed_out
    promised: dict[str, Any] = {"hides": ["source-maps"]}
    passes(check, places(SourceMapsCase, {}, page_status=200, scripts=3, **promised))
    found = SourceMap(script="/app.js", at="/app.js.map", sources=41)
    handed_out = places(SourceMapsCase, {}, page_status=200, scripts=1, source_maps=(found,), **promised)
    fails(check, handed_out, "/app.js.map of /app.js (41 source files)")
    inline = SourceMap(script="/app.js", at="inline")
    fails(
        check,
        places(SourceMapsCase, {}, page_status=200, scripts=1, source_maps=(inline,), **promised),
        "in /app.js itself",
    )
    missed = ("/app.js.map: 429",)
    unseen = places(SourceMapsCase, {}, page_status=200, scripts=1, scripts_unanswered=missed, **promised)
    is_not_observed(check, unseen, "/app.js.map: 429")
    seen = {"scripts": 2, "source_maps": (found,), "scripts_unanswered": missed}
    fails(check, places(SourceMapsCase, {}, page_status=200, **seen, **promised), "/app.js.map of /app.js")
    is_not_observed(check, places(SourceMapsCase, {}, page_status=500, **promised), "500")
    is_not_observed(check, places(SourceMapsCase, {}, page_status=302, **promised), "302")
    is_not_observed(check, places(SourceMapsCase, {}, page_status=200, **promised), "names no script")
    is_not_observed(check, places(SourceMapsCase, {}, **promised), "no answer")


TRACES = [
    ('{"message":"Not Found","exception":"NotFoundHttpException","file":"/a.php","trace":[]}', "Laravel"),
    ("<title>🧨 Undefined variable - Ignition</title>", "Laravel"),
    ("<!-- x (404) --><title>Symfony Exception</title>", "Symfony"),
    ("Using the URLconf defined in <code>shop.urls</code>, Django tried these", "Django"),
    ("<h1>Action Controller: Exception caught</h1>", "Rails"),
    ("<pre>URIError: Failed to decode param<br> &nbsp; &nbsp;at decode (/app/node_modules/x/index.js:172:15)", "Node"),
    ("Error: x\n    at Object.<anonymous> (/srv/app.js:1:7)\n", "Node"),
    ("Traceback (most recent call last):\n", "Python"),
    ("java.lang.NullPointerException\n\tat com.shop.Cart.total(Cart.java:42)\n", "Java"),
    ("<b>Warning</b>:  Undefined variable $x in <b>/var/www/shop/index.php</b> on line <b>3</b>", "PHP"),
    ("goroutine 1 [running]:\nmain.main()", "Go"),
    ("SQLSTATE[42S02]: Base table or view not found", "database"),
]


@pytest.mark.parametrize(("text", "told"), TRACES)
@pytest.mark.parametrize(
    "at", ["/roadworthy-no-such-page (application/json)", "/%ff (text/html)", "/login (text/html)"]
)
def test_an_error_page_that_tells_fails(suite: ModuleType, text: str, told: str, at: str) -> None:
    shown = {at: {"status": 500, "start": text}}
    promised: dict[str, Any] = {"debug_off": True, "errors_at": ["/login"]}
    fails(suite.test_error_pages_tell_nothing_of_the_program, places(DebugCase, shown, **promised), told, at)


@pytest.mark.parametrize(
    "text",
    [
        "<h1>404 Not Found</h1><hr>nginx",
        '{"message":"Not Found"}',
        '{"error":"exception in shipping", "at":"noon"}',
        "Looking at (or for) something? Meet us at 10:30:15 in /lobby.",
        "Our warning: not in stock on line orders.",
        "We sail with the Illuminate team",
    ],
)
def test_an_error_page_that_tells_nothing_passes(suite: ModuleType, text: str) -> None:
    plain = {"/roadworthy-no-such-page (text/html)": {"status": 404, "start": text}}
    passes(suite.test_error_pages_tell_nothing_of_the_program, places(DebugCase, plain, debug_off=True))


def test_an_error_page_that_nobody_sent(suite: ModuleType) -> None:
    lost = {"/%ff (text/html)": {"status": None, "silence": SilenceKind.RESET}}
    is_not_observed(
        suite.test_error_pages_tell_nothing_of_the_program, places(DebugCase, lost, debug_off=True), "/%ff", "reset"
    )


def test_all_that_is_about_places_is_asked_together() -> None:
    shop = target(
        "https://shop.example", exposure={"hides": ["dot-files", "panels"], "denies": ["/x"], "debug_off": True}
    )
    component = shop.components["api"]
    asked = {ask for kind in (DotFilesCase, PanelsCase, DebugCase, PathsCase) for _, ask in kind.looks(shop, component)}
    assert len(asked) == 1
    (ask,) = asked
    assert ask.exchanges == len(set(ask.spots)) == len(ask.spots)
    assert Spot(path="/x") in ask.spots

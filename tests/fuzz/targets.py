"""What reads a target file, and what a person gives on a command line."""

from __future__ import annotations

from pathlib import Path

from roadworthy.probes import name
from roadworthy.target import references, routes, values
from roadworthy.target.document import MapNode, parse_document, plain, scalars
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser

YAML = (
    "a: ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "!!int ",
    "|\n ",
    ">\n ",
    "? ",
    "---\n",
    "#",
    "\n",
    "  ",
    "<<: ",
    "~",
    "0x1F",
)
REFERENCES = ("${env:", "${file:", "${each:", "}", "$${", "${", ":-", "NAME", "/dev/null", "../x", "{")


def decodable(text: str) -> str:
    """As any text is that came out of a file."""
    return text.encode("utf-8", "replace").decode()


def read_document(text: str) -> None:
    document = parse_document(text, "x.yaml")
    assert document.root is not None or document.problems
    if document.root is not None:
        assert isinstance(document.root, MapNode)
        plain(document.root)
        for _, scalar in scalars(document.root):
            assert scalar.mark.line >= 1


def read_reference(text: str) -> None:
    resolved = references.resolve(text, Path("/nowhere"), {"NAME": "${env:NAME}"})
    assert references.has_references(text) or resolved.text == text


def read_each(text: str) -> None:
    filled = references.fill(text, {"NAME": "value", "a-": "${each:NAME}"})
    assert len(filled) <= len(text) + references.MAX_FILLED


def read_duration(text: str) -> None:
    seconds = values.parse_duration(text)
    again = values.parse_duration(values.show_duration(seconds))
    assert abs(again - seconds) <= max(seconds, 1e-3) * 1e-3


def read_size(text: str) -> None:
    assert isinstance(values.parse_size(text), int)


def read_route(text: str) -> None:
    route = routes.parse_route(text)
    host = f"[{route.to_host}]" if ":" in (route.to_host or "") else route.to_host or ""
    again = routes.parse_route(f"a:1:{host}:{route.to_port or ''}")
    assert (again.to_host, again.to_port) == (route.to_host, route.to_port)
    routes.routed([text], "shop.example", 443)


def read_resolver(text: str) -> None:
    ip, port = routes.parse_resolver(text)
    again = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    assert routes.parse_resolver(again) == (ip, port)


def read_hosts(text: str) -> None:
    for host, addresses in name.parse_hosts(text).items():
        assert host == routes.plain_name(host)
        assert addresses == sorted(set(addresses), key=lambda ip: (ip.version, int(ip)))


def read_host(text: str) -> None:
    assert name.ascii_name(text).isascii()


PLACES = ("shop.example", ":", "443", "[::1]", "127.0.0.1", "[", "]", "65536", "0", "٣", "xn--", "fe80::1%eth0", "。")

PARSERS = (
    Parser("yaml", read_document, texts(*YAML).map(decodable), limit_s=6.0),
    Parser("reference", read_reference, texts(*REFERENCES), (references.Unresolvable,)),
    Parser("each", read_each, texts(*REFERENCES), (references.Unresolvable,)),
    Parser("duration", read_duration, texts("1", "ms", "s", "m", "h", "d", "1.5", ".", "٣", "9" * 400), (ValueError,)),
    Parser("size", read_size, texts("1", "MB", "KiB", "B", " ", "1.5", "٣", "9" * 400, "GB"), (ValueError,)),
    Parser(
        "json-query",
        values.check_json_query,
        texts("$", "..", "[*]", "[?@.a", "==", "(", ")", "'a'", "]", "length("),
        (ValueError,),
    ),
    Parser(
        "allow-list", values.check_allow_list, texts("(", ")", "self", '"https://a.example"', " ", "*"), (ValueError,)
    ),
    Parser("route", read_route, texts(*PLACES), (ValueError,)),
    Parser("resolver", read_resolver, texts(*PLACES), (ValueError,)),
    Parser("hosts-file", read_hosts, texts(*PLACES, "\n", "#", " ")),
    Parser("host-name", read_host, texts(*PLACES), (ValueError,)),
)

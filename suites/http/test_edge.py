from roadworthy.cases.edge import (
    ForeignHostCase,
    HiddenServerCase,
    MethodCase,
    NetworkCase,
    StaticCase,
)
from roadworthy.check import check
from roadworthy.rules.edge import foreign_host_faults, marker_faults, origin_faults
from roadworthy.rules.methods import method_faults
from roadworthy.rules.statics import edge_faults, static_faults

HEADERS = "curl -sSk -o /dev/null -D - {headers} --connect-to {host}:{port}:{address} '{url}'"


@check(
    "HTTP-STATIC",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.static",
    source="RFC 9110 section 8.3; WHATWG MIME Sniffing Standard",
    by_hand=HEADERS,
    repair="See that the build was copied to the place that the server reads, all of it, and that its mime.types knows "
    "the ending. A page in place of a file comes from a rule that sends all unknown paths to index.html.",
)
def test_the_file_is_there(file: StaticCase) -> None:
    """A page whose style sheet or script is missing, or sent as HTML, answers 200 and shows nothing."""
    faults = static_faults(file.answer, file.expected.media_type)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-STATIC-FROM",
    severity="medium",
    after=("HTTP-STATIC", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.static_from",
    source="nginx, ngx_http_core_module: etag, root, try_files (2026)",
    by_hand=HEADERS,
    repair="nginx: a location for the files with `root` or `alias` beside the one with `proxy_pass`; see that nginx "
    "may read them, or `try_files` hands each on to the application.",
)
def test_the_file_comes_from_the_edge(file: StaticCase) -> None:
    """Files that the application sends take its workers from requests that only it can answer."""
    faults = edge_faults(file.answer)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-METHODS",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.methods",
    source="RFC 9110 sections 9.1, 9.3.8 and 15.5.6; OWASP WSTG-CONF-06",
    by_hand=HEADERS,
    repair="nginx: `limit_except GET { deny all; }` (HEAD goes with GET), or name the methods in the application's "
    "route; TRACE is off by default in all but old servers.",
)
def test_only_promised_methods_are_taken(method: MethodCase) -> None:
    """A page that takes any method may do for one what its rules forbid for another."""
    faults = method_faults(method.ask.method, method.seen.result, method.expected.methods)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-UNKNOWN-HOST",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.unknown_hosts",
    source="RFC 9110 sections 7.4 and 15.5.20; OWASP WSTG-INPV-17",
    by_hand=HEADERS,
    repair="nginx: a server block with `listen ... default_server;` and `return 421;` (or 444); in the application, a "
    "list of its names (Laravel TrustHosts, Django ALLOWED_HOSTS).",
)
def test_a_foreign_name_gets_no_page(page: ForeignHostCase) -> None:
    """Links in mails are often made of the name that was asked for: then a stranger chooses where they lead."""
    faults = foreign_host_faults(page.seen.result, page.ask.host)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-SERVED-BY",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.served_by",
    source="Cloudflare, HTTP headers; CloudFront, Request and response behavior (read in November 2026)",
    by_hand=HEADERS,
    repair="See where the name leads: to the network (Cloudflare: the record is proxied; CloudFront: an alias of the "
    "distribution) or straight to the origin.",
)
def test_the_page_comes_through_the_network(page: NetworkCase) -> None:
    """A name that leads past the network has none of its protection, and shows everybody where the origin is."""
    faults = marker_faults(page.answer, page.expected.served_by or "")
    assert not faults, f"not through {page.expected.served_by}: {'; '.join(faults)}"


@check(
    "HTTP-ORIGIN-HIDDEN",
    severity="high",
    expects="http.hides_origin",
    source="Cloudflare, Protect your origin server; CloudFront, Restrict access to origins (read in November 2026)",
    by_hand="curl -sSki --max-time 10 --connect-to ::{address} '{url}'",
    repair="Let only the network in: its published addresses in the firewall or security group, and a certificate "
    "(authenticated origin pulls) or a secret header that the origin demands.",
)
def test_the_origin_serves_nobody_past_the_network(server: HiddenServerCase) -> None:
    """Who knows the origin's address goes round the firewall, the rate limits and the cache of the network."""
    faults = origin_faults(server.seen.result, server.ask.url, is_page=server.expected.is_page)
    assert not faults, "; ".join(faults)

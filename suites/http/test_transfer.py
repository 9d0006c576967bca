from roadworthy.cases.http import CachingCase, CompressionCase, NeverCachedCase, RevalidationCase
from roadworthy.check import check
from roadworthy.rules.caching import caching_faults, kept_faults
from roadworthy.rules.compression import compression_faults
from roadworthy.rules.validators import validator_faults


@check(
    "HTTP-COMPRESSION",
    severity="medium",
    after=("HTTP-STATIC", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.compresses",
    source="RFC 9110 sections 8.4, 12.5.3 and 12.5.5",
    by_hand="curl -sSk -o /dev/null -D - {headers} --connect-to {host}:{port}:{address} '{url}'",
    repair="nginx: `gzip on; gzip_vary on; gzip_proxied any;` and the media type in `gzip_types`.",
)
def test_the_media_type_is_compressed(page: CompressionCase) -> None:
    """Text is a fifth as long when compressed; and without Vary a cache hands it to clients that can't read it."""
    faults = compression_faults(page.found, page.expected.media_type)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-CACHING",
    severity="medium",
    after=("HTTP-STATIC", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.caches",
    source="RFC 9111 section 5.2, RFC 8246",
    by_hand="curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | grep -i cache-control",
    repair='nginx: `add_header Cache-Control "...";` in the location of these files; its own add_header '
    "drops those of its surroundings.",
)
def test_the_page_is_cached_as_promised(page: CachingCase) -> None:
    """Too little caching costs every visitor time; too much keeps private pages or old builds in somebody's cache."""
    faults = caching_faults(page.found.all("cache-control"), page.expected.directives)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-NEVER-CACHED",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.never_cached",
    source="RFC 9111 sections 3, 4.2.2 and 5.1; RFC 9211; OWASP Session Management Cheat Sheet (2025)",
    by_hand="for n in 1 2; do curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | "
    "grep -iE '^(age|[^:]*cache[^:]*):'; done",
    repair="Send `Cache-Control: no-store` (or `private`) from the application, and give the path a behaviour without "
    "caching in the content delivery network: its rule for the whole site may win.",
)
def test_no_cache_keeps_the_page(page: NeverCachedCase) -> None:
    """What a shared cache keeps of one visitor's page, it shows to the next one."""
    faults = kept_faults(page.seen.visits)
    assert not faults, "; ".join(faults)
    page.must_be_all()


@check(
    "HTTP-REVALIDATION",
    severity="low",
    after=("HTTP-STATIC", "REACH-TCP", "TLS-HANDSHAKE"),
    expects="http.revalidates",
    source="RFC 9110 sections 8.8, 13.1 and 15.4.5",
    by_hand="curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | "
    "grep -iE '^(etag|last-modified|date)'",
    repair="Make the ETag of the content alone (or of a date and a size that are the same on each server), and let the "
    "server answer If-None-Match. nginx: `etag on;`, and copy files with their dates.",
)
def test_who_has_the_page_is_told_so(page: RevalidationCase) -> None:
    """An ETag that differs from server to server makes clients fetch again what they have, and some never notice."""
    faults = validator_faults(page.seen.visits)
    assert not faults, "; ".join(faults)
    page.must_be_all()

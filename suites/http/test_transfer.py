from roadworthy.cases.http import CachingCase, CompressionCase
from roadworthy.check import check
from roadworthy.rules.caching import caching_faults
from roadworthy.rules.compression import compression_faults


@check(
    "HTTP-COMPRESSION",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
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
    after=("REACH-TCP", "TLS-HANDSHAKE"),
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

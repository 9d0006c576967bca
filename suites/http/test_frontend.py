from roadworthy.cases.frontend import NamingCase, ReadingCase
from roadworthy.check import check
from roadworthy.rules.reaching import naming_faults, reading_faults


@check(
    "HTTP-NAMES-API",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS"),
    expects="http.reaches",
    source="the target's promise; Next.js, Environment variables (2026): NEXT_PUBLIC_ values are fixed by the build",
    by_hand="curl -sSk --connect-to {host}:{port}:{address} '{url}' | grep -oE 'https?://[^\"]+|[^\"]+[.]js' | sort -u",
    repair="Build again with the API's URL of this environment: what a bundler puts into scripts stays as it is.",
)
def test_the_page_was_built_for_the_api(page: NamingCase) -> None:
    """A front end that was built for another environment looks well and talks to the wrong API, or to none."""
    faults = naming_faults(page.seen, page.expected.base)
    assert not faults, "; ".join(faults)


@check(
    "HTTP-REACHES-API",
    severity="high",
    expects="http.reaches",
    source="Fetch Standard, section CORS protocol",
    by_hand="curl -sSki {headers} --connect-to {host}:{port}:{address} '{url}'",
    repair="Add the front end's origin to the API's list of allowed ones; where the API does not answer at all, see to "
    "that first.",
)
def test_the_page_may_read_the_api(api: ReadingCase) -> None:
    """Browsers keep from a page what the API does not allow its origin: each part is well, and nothing works."""
    faults = reading_faults(api.seen.result, api.expected.origin, api.expected.base)
    assert not faults, "; ".join(faults)

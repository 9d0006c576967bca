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
from roadworthy.check import check
from roadworthy.rules.leaks import denial_faults, leak_faults, map_faults, opening_faults, trace_faults

BEFORE = ("REACH-TCP", "TLS-HANDSHAKE")
BY_HAND = "curl -sSki --connect-to {host}:{port}:{address} '{url}/.env' | head   # and the other paths that are told"


@check(
    "EXP-DOT-FILES",
    severity="critical",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-CONF-04; CWE-538",
    by_hand=BY_HAND,
    repair="Take it for read: change every secret in it. Then, in nginx, `location ~ /\\.(?!well-known) { deny all; "
    "}`, "
    "and deploy a folder that holds public files alone.",
)
def test_no_dot_file_is_handed_out(places: DotFilesCase) -> None:
    """.env holds the passwords, .git the source: both are looked for within minutes of going online."""
    faults = leak_faults(places.seen, places.KIND, places.host, places.prefix)
    assert not faults, "; ".join(faults)


@check(
    "EXP-BACKUPS",
    severity="critical",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-CONF-04; CWE-530",
    by_hand=BY_HAND,
    repair="Remove it from the web root, treat its data as disclosed, and write backups to where no server serves "
    "them.",
)
def test_no_backup_is_handed_out(places: BackupsCase) -> None:
    """A dump or an old copy beside the site gives everybody the data, or the source, in one request."""
    faults = leak_faults(places.seen, places.KIND, places.host, places.prefix)
    assert not faults, "; ".join(faults)


@check(
    "EXP-DEBUG-PAGES",
    severity="critical",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-CONF-05; CVE-2021-3129",
    by_hand=BY_HAND,
    repair="Install without development packages (`composer install --no-dev`, NODE_ENV=production), switch debug "
    "mode off, "
    "and delete phpinfo files.",
)
def test_no_debug_page_answers(places: DebugPagesCase) -> None:
    """Debug pages show settings and secrets; through some of them, strangers have run commands."""
    faults = leak_faults(places.seen, places.KIND, places.host, places.prefix)
    assert not faults, "; ".join(faults)


@check(
    "EXP-PANELS",
    severity="high",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-CONF-05; Laravel Telescope, Horizon and Spring Boot Actuator documentation",
    by_hand=BY_HAND,
    repair="Switch it off (TELESCOPE_ENABLED=false), put it behind a login, or allow it to your own addresses alone.",
)
def test_no_operators_panel_answers(places: PanelsCase) -> None:
    """Requests with their tokens, queries, jobs and settings are to be read there, or a database to be changed."""
    faults = leak_faults(places.seen, places.KIND, places.host, places.prefix)
    assert not faults, "; ".join(faults)


@check(
    "EXP-LISTINGS",
    severity="medium",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-CONF-04; CWE-548",
    by_hand=BY_HAND,
    repair="nginx: `autoindex off;` (its default). Apache: `Options -Indexes`.",
)
def test_no_folder_lists_its_files(places: ListingsCase) -> None:
    """What nobody links to is found by whoever reads the list: uploads of others, exports, old versions."""
    faults = leak_faults(places.seen, places.KIND, places.host, places.prefix)
    assert not faults, "; ".join(faults)


@check(
    "EXP-SOURCE-MAPS",
    severity="low",
    after=BEFORE,
    expects="exposure.hides",
    source="OWASP WSTG 4.2 WSTG-INFO-05; CWE-540",
    by_hand="curl -sSk --connect-to {host}:{port}:{address} '{url}' | grep -o '<script[^>]*src=[^>]*'   # then each "
    "with .map",
    repair="Leave them out of the production build (`productionBrowserSourceMaps: false`, `build.sourcemap: false`), "
    "or "
    "upload them to where errors are collected and delete them before deploying.",
)
def test_no_source_map_is_handed_out(places: SourceMapsCase) -> None:
    """A source map gives back the program as it was written, comments and internal addresses included."""
    faults = map_faults(places.seen)
    assert not faults, "; ".join(faults)


@check(
    "EXP-DENIED",
    severity="high",
    after=BEFORE,
    expects="exposure.denies",
    source="the target's promise",
    by_hand=BY_HAND,
    repair="nginx: `location ~ /\\.(?!well-known) { deny all; }`, or a location of its own for each place.",
)
def test_places_are_denied(places: PathsCase) -> None:
    """A place that is denied by rule stays closed when, one day, there is something in it."""
    faults = denial_faults(places.seen, places.on_host(places.expected.denies))
    assert not faults, "; ".join(faults)


@check(
    "EXP-OPEN",
    severity="medium",
    after=BEFORE,
    expects="exposure.leaves_open",
    source="RFC 8615; RFC 8555 section 8.3",
    by_hand=BY_HAND,
    repair="nginx: leave it out of the rule that denies: `location ~ /\\.(?!well-known) { deny all; }`.",
)
def test_places_are_not_denied_along_with_others(places: PathsCase) -> None:
    """Certificates are renewed through /.well-known: where it is denied with the dot files, they expire."""
    faults = opening_faults(places.seen, places.on_host(places.expected.leaves_open))
    assert not faults, "; ".join(faults)


@check(
    "EXP-DEBUG-OFF",
    severity="high",
    after=BEFORE,
    expects="exposure.debug_off",
    source="OWASP WSTG 4.2 WSTG-ERRH-01 and -02; CWE-209, CWE-489",
    by_hand="curl -sSki --connect-to {host}:{port}:{address} -H 'Accept: application/json' "
    "'{url}/roadworthy-no-such-page'",
    repair="APP_DEBUG=false, DEBUG = False, NODE_ENV=production, `display_errors = Off`; then cache the configuration "
    "anew "
    "and restart.",
)
def test_error_pages_tell_nothing_of_the_program(pages: DebugCase) -> None:
    """A trace names files, versions and queries, and often settings: what an attacker would ask for first."""
    faults = trace_faults(pages.seen, pages.spots)
    assert not faults, "; ".join(faults)

from roadworthy.cases.configuration import CachesCase, OutputCase, StaleCachesCase
from roadworthy.check import check
from roadworthy.rules import configuration as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")
LIST = "sudo ls -lt --full-time {name}"


@check(
    "LARAVEL-CACHED",
    severity="medium",
    expects="built.laravel.caches",
    after=INSIDE,
    source="Laravel, Deployment: Optimization",
    by_hand=LIST,
    repair="php artisan config:cache, route:cache, view:cache, event:cache: as the last steps of every deployment.",
)
def test_laravels_caches_are_built(laravel: CachesCase) -> None:
    """Without them every request reads .env, all configuration and all routes anew."""
    missing = rules.not_built(laravel.caches)
    assert not missing, f"{laravel.expected.path} has no cache of {', '.join(missing)}"


@check(
    "LARAVEL-STALE",
    severity="high",
    expects="built.laravel.caches",
    after=(*INSIDE, "LARAVEL-CACHED"),
    source="Laravel, Configuration: Caching: once cached, .env is not loaded",
    by_hand=LIST,
    repair="php artisan config:cache (route:cache), then queue:restart: workers keep what they started with.",
)
def test_laravels_caches_are_newer_than_their_sources(laravel: StaleCachesCase) -> None:
    """With a cached configuration .env is not read: what was changed in it since then is not in force."""
    stale = [fault for name, output in laravel.caches if (fault := rules.older(f"the cache of {name}", output))]
    assert not stale, "; ".join(stale)


@check(
    "BUILT-THERE",
    severity="high",
    expects="built.outputs.path",
    after=INSIDE,
    source="reproducible-builds.org; Next.js, Deploying: .next is made by next build",
    by_hand=LIST,
    repair="Build it, as a step of the deployment that stops it where it fails.",
)
def test_what_must_be_built_is_there(built: OutputCase) -> None:
    """A build that failed leaves nothing, or an empty file, for a server that still answers from memory."""
    assert not rules.not_built([("", built.output)]), f"{built.expected.path} is not there, or is empty"


@check(
    "BUILT-STALE",
    severity="high",
    expects="built.outputs.newer_than",
    after=(*INSIDE, "BUILT-THERE"),
    source="make(1): what is older than what it is made from is made anew",
    by_hand=LIST,
    repair="Build it again, and find out why the deployment did not; then restart what serves it.",
)
def test_what_is_built_is_newer_than_its_sources(built: OutputCase) -> None:
    """New sources with an old build are the old release, whatever version control says."""
    stale = rules.older_than_any(built.expected.path, built.output)
    assert not stale, stale

from roadworthy.cases.php import PhpCase
from roadworthy.check import check
from roadworthy.facts.store import seen
from roadworthy.rules import php as rules

READ = ("HOST-REACH", "PHP-VALID")


@check(
    "PHP-VALID",
    severity="high",
    expects="php.valid",
    after=("HOST-REACH",),
    source="php-fpm(8), -t; https://www.php.net/manual/en/install.fpm.configuration.php",
    by_hand="sudo {name} -t",
    repair="Repair what FPM names, test again, then reload.",
)
def test_fpm_accepts_its_configuration(php: PhpCase) -> None:
    """What runs was read earlier: with files that FPM refuses, the next restart ends in 502 for every page."""
    assert php.seen.refused is None, f"php-fpm refuses its configuration: {php.seen.refused}"


@check(
    "PHP-POOLS",
    severity="medium",
    expects="php.pools",
    after=READ,
    source="https://www.php.net/manual/en/install.fpm.configuration.php",
    by_hand="sudo {name} -tt",
    repair="Set it in the pool's file (pool.d/*.conf, php-fpm.d/*.conf), and reload FPM.",
)
def test_pools_are_as_promised(php: PhpCase) -> None:
    """With too few children requests wait in the socket's queue; with too many the machine runs out of memory."""
    faults = rules.other_pools(php.pools, php.expected.pools or {})
    assert not faults, "; ".join(faults)


@check(
    "PHP-SETTINGS",
    severity="medium",
    expects="php.settings",
    after=READ,
    source="https://www.php.net/manual/en/ini.list.php; https://www.php.net/manual/en/opcache.configuration.php",
    by_hand="sudo {name} -i",
    repair="Set it in FPM's own php.ini or conf.d, not the command line's, and reload FPM; a pool's php_admin_value "
    "stands above both.",
)
def test_php_runs_with_the_promised_settings(php: PhpCase) -> None:
    """Without OPcache every request compiles the whole application; with a small limit uploads fail."""
    faults = rules.other_settings(seen(php.seen.settings, "settings"), php.pools, php.expected.settings or {})
    assert not faults, "; ".join(faults)

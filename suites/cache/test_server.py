from roadworthy.cases.cache import CacheCase, LatencyCase, PlainCase
from roadworthy.check import check
from roadworthy.rules import cache as rules
from roadworthy.rules import cache_advice

CLI = "redis-cli -h {ip} -p {address_port} --user '{user}' --askpass "
OVER_TLS = "redis-cli -h {ip} -p {address_port} --tls --sni {host} --user '{user}' --askpass "


def by_hand(command: str) -> dict[str, str]:
    """The same, with TLS and without."""
    return {"in plain": CLI + command, "over TLS": OVER_TLS + command}


@check(
    "CACHE-ANSWERS",
    severity="critical",
    expects="cache",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP"),
    source="https://redis.io/docs/latest/develop/reference/protocol-spec/",
    by_hand=by_hand("PING"),
    repair="Look at the server's log. LOADING goes by itself, MASTERDOWN is a replica without its primary, DENIED is a "
    "server in protected mode: give it a password, and bind it to the network.",
)
def test_the_cache_answers(cache: CacheCase) -> None:
    """Sessions, queues and locks live there: most applications answer nothing while it is away."""
    faults = rules.speechless(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-VERSION",
    severity="high",
    expects="cache.version",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/commands/info/",
    by_hand=by_hand("INFO server"),
    repair="Upgrade the server, or correct the promise. Valkey is held to the version of Redis that it behaves like.",
)
def test_the_promised_version_of_the_cache_answers(cache: CacheCase) -> None:
    """Another version lacks commands that the application uses, or fixes that it needs."""
    faults = rules.other_version(cache.seen, cache.expected.version or "")
    assert not faults, "; ".join(faults)


@check(
    "CACHE-ENCRYPTED",
    severity="high",
    expects="cache.encrypted",
    after=("CACHE-ANSWERS",),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/",
    by_hand="openssl s_client -connect {address} -servername {host} -brief </dev/null",
    repair="Give the server a certificate for its name and turn tls-port on, or put it behind something that speaks "
    "TLS; where the authority is one of your own, name it in network.ca_file.",
)
def test_the_cache_is_spoken_to_over_tls(cache: CacheCase) -> None:
    """Without TLS the password and all sessions go over the network in plain."""
    faults = rules.unencrypted(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-PLAIN",
    severity="high",
    expects="cache.refuses_plain",
    after=("NAME-RESOLVES", "REACH-TCP"),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/",
    by_hand="redis-cli -h {ip} -p {address_port} PING",
    repair="Turn the plain port off (port 0), so that a client that forgets TLS fails at once.",
)
def test_the_cache_refuses_who_comes_without_tls(cache: PlainCase) -> None:
    """Where plain is served too, one wrong setting of a client sends everything unencrypted, and nobody notices."""
    faults = rules.takes_plain(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-LATENCY",
    severity="medium",
    expects="cache.answers_within",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency/",
    by_hand={"in plain": CLI + "--latency", "over TLS": OVER_TLS + "--latency"},
    repair="One slow command holds up all others: look at SLOWLOG GET, for KEYS, large deletions and Lua, and whether "
    "the machine swaps or forks.",
)
def test_the_cache_answers_in_time(cache: LatencyCase) -> None:
    """A page asks its cache dozens of times: each millisecond here counts that often."""
    faults = rules.slow(cache.seen, cache.expected.answers_within or 0)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-SETTINGS",
    severity="medium",
    expects="cache.settings",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/config/",
    by_hand=by_hand("CONFIG GET maxmemory-policy"),
    repair="Set it in the configuration file as well (CONFIG REWRITE); CONFIG SET alone is gone after a restart.",
)
def test_the_cache_runs_with_the_promised_settings(cache: CacheCase) -> None:
    """A queue under allkeys-lru loses jobs; a cache under noeviction stops taking writes when it is full."""
    faults = rules.other_settings(cache.seen, cache.expected.settings or {})
    assert not faults, "; ".join(faults)


@check(
    "CACHE-MEMORY",
    severity="high",
    expects="cache.memory_below",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/develop/reference/eviction/",
    by_hand=by_hand("INFO memory"),
    repair="Find what grows (redis-cli --bigkeys on a replica, keys without expiry), or raise maxmemory.",
)
def test_the_cache_has_memory_left(cache: CacheCase) -> None:
    """At its limit it evicts what was meant to stay, or refuses writes; without one the machine kills it."""
    faults = rules.full(cache.seen, cache.expected.memory_below or 1)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-EVICTIONS",
    severity="medium",
    expects="cache.evicts_nothing",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/develop/reference/eviction/",
    by_hand=by_hand("INFO stats"),
    repair="Give it more memory, or keep what must not go (queues, locks, sessions) in an instance of its own. The "
    "count goes back to 0 with CONFIG RESETSTAT.",
)
def test_the_cache_has_thrown_nothing_away(cache: CacheCase) -> None:
    """An evicted session is a user who was logged out; an evicted job was never done."""
    faults = rules.evicted(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-CLIENTS",
    severity="high",
    expects="cache.clients_below",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/develop/reference/clients/",
    by_hand=by_hand("INFO clients"),
    repair="See who connects so often (CLIENT LIST), share connections in a pool, set timeout, or raise maxclients.",
)
def test_the_cache_has_connections_left(cache: CacheCase) -> None:
    """At the limit it turns away everybody who is new: the instances that a roll-out has just started."""
    faults = rules.crowded(cache.seen, cache.expected.clients_below or 1)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-PERSISTENCE",
    severity="high",
    expects="cache.persistence",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
    by_hand=by_hand("INFO persistence"),
    repair="Turn on what is promised (appendonly yes, save), and look at the server's log and the disk where the last "
    "write failed.",
)
def test_the_data_of_the_cache_outlives_a_restart(cache: CacheCase) -> None:
    """Without it a restart is an empty server: no sessions, no queue, and every page at once at the database."""
    faults = rules.forgetful(cache.seen, cache.expected.persistence or ())
    assert not faults, "; ".join(faults)


@check(
    "CACHE-ADVICE",
    severity="info",
    expects="cache",
    after=("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED"),
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/admin/",
    by_hand=by_hand("INFO"),
    repair="Look into each; what is meant to be so is said by a promise in the target.",
)
def test_an_administrator_would_leave_the_cache_as_it_is(cache: CacheCase) -> None:
    """What is no fault today, and will be one: growth without an end, no password, an old version."""
    advice = cache_advice.advice(cache.seen, cache.expected)
    assert not advice, "; ".join(advice)

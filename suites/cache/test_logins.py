from roadworthy.cases.cache import AnonymousCase, CacheCase, PublishedLoginCase, WrongPasswordCase
from roadworthy.check import check
from roadworthy.rules import cache as rules

ACL = "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/"
PING = {
    "in plain": "redis-cli -h {ip} -p {address_port} --user '{user}' --askpass PING",
    "over TLS": "redis-cli -h {ip} -p {address_port} --tls --sni {host} --user '{user}' --askpass PING",
}
ALONE = {
    "in plain": "redis-cli -h {ip} -p {address_port} PING",
    "over TLS": "redis-cli -h {ip} -p {address_port} --tls --sni {host} PING",
}


@check(
    "CACHE-LOGIN",
    severity="critical",
    expects="cache.login",
    after=("CACHE-ANSWERS", "CACHE-ENCRYPTED"),
    source=ACL,
    by_hand=PING,
    repair="Compare the credentials with the server's own (requirepass, or ACL LIST); after a rotation both sides must "
    "have the new ones.",
)
def test_the_cache_accepts_the_credentials(cache: CacheCase) -> None:
    """With credentials that the server refuses the application has no cache, no sessions and no queue."""
    faults = rules.shut_out(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-ANONYMOUS",
    severity="critical",
    expects="cache.refuses_anonymous",
    after=("CACHE-ANSWERS", "CACHE-ENCRYPTED"),
    source=ACL,
    by_hand=ALONE,
    repair="Set requirepass, or `user default off` in the access list, once the clients have a password.",
)
def test_the_cache_lets_nobody_in_without_a_password(cache: AnonymousCase) -> None:
    """Who is let in without a password reads every session, and can have the server write files of its machine."""
    faults = rules.admitted(cache.seen, "whoever comes without a password")
    assert not faults, "; ".join(faults)


@check(
    "CACHE-WRONG-PASSWORD",
    severity="critical",
    expects="cache.refuses_wrong_password",
    after=("CACHE-ANSWERS", "CACHE-ENCRYPTED"),
    source=ACL,
    by_hand=PING,
    repair="Look for `nopass` in the access list (ACL LIST): such a user is let in with any password.",
)
def test_the_cache_refuses_a_wrong_password(cache: WrongPasswordCase) -> None:
    """A user with `nopass` looks protected, as clients send a password, and lets in everybody."""
    faults = rules.admitted(cache.seen, f"{cache.ask.username} with a wrong password")
    assert not faults, "; ".join(faults)


@check(
    "CACHE-DEFAULT-LOGINS",
    severity="critical",
    expects="cache.refuses_logins",
    after=("CACHE-ANSWERS", "CACHE-ENCRYPTED"),
    source="CWE-1392; OWASP ASVS 5.0 section 13.2",
    by_hand=PING,
    repair="Change that password at once, and look at who has used it (CLIENT LIST, ACL LOG).",
)
def test_the_cache_refuses_default_logins(cache: PublishedLoginCase) -> None:
    """Passwords of manuals and images are the first that anybody tries."""
    faults = rules.admitted(cache.seen, f"{cache.ask.username} with a published password")
    assert not faults, "; ".join(faults)

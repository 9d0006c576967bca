from roadworthy.cases.configuration import KeysCase, there_at
from roadworthy.check import check
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.keys import PublicKey
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules import configuration as rules
from roadworthy.rules import secrets
from roadworthy.rules.files import unmet

INSIDE = ("HOST-REACH", "HOST-SUDO")
READ = (*INSIDE, "KEY-READ")
OPEN = (*READ, "KEY-PASSPHRASE")
LOOK = "for key in {name}; do echo $key; sudo openssl pkey -in $key -noout -text_pub | head -1; done"
STAT = "sudo stat -c '%A %a %U:%G %n' {name}"
PUBLIC = "for key in {name}; do echo $key; sudo openssl pkey -in $key -pubout | openssl sha256; done; "
NEW = (
    "openssl genrsa -out private.pem 4096, openssl rsa -in private.pem -pubout -out public.pem, both where they belong"
)


@check(
    "KEY-READ",
    severity="critical",
    expects="keys.pairs.path",
    after=INSIDE,
    source="RFC 7468: PEM; RFC 5958",
    by_hand=LOOK,
    repair=f"Put the key there, from the store of secrets; a new one: {NEW}.",
)
def test_there_is_a_private_key(keys: KeysCase) -> None:
    """Without its private key a service signs no token: nobody can log in."""
    held = keys.pair.private
    key = PublicKey() if held.encrypted is True else held.key  # then it is one, and nobody can see more
    fault = rules.unreadable(keys.expected.path, held.entry, key)
    assert not fault, fault


@check(
    "KEY-KIND",
    severity="high",
    expects="keys.pairs.kind",
    after=OPEN,
    source="RFC 7518 section 3.1: each algorithm takes a kind of key",
    by_hand=LOOK,
    repair=f"Make a key of the promised kind: {NEW}.",
)
def test_the_key_is_of_its_kind(keys: KeysCase) -> None:
    """A key of another kind signs with another algorithm, and whoever verifies refuses that."""
    kind = keys.key.algorithm
    assert kind == keys.expected.kind, f"{keys.expected.path} is {kind}, promised {keys.expected.kind}"


@check(
    "KEY-BITS",
    severity="high",
    expects="keys.pairs.min_bits",
    after=(*OPEN, "KEY-KIND"),
    source="NIST SP 800-57 part 1, table 2; BSI TR-02102-1: RSA of 3000 bits and more",
    by_hand=LOOK,
    repair=f"Make a longer one ({NEW}); keep the old public key until the last token that it verifies has expired.",
)
def test_the_private_key_is_long_enough(keys: KeysCase) -> None:
    """Tokens are signed for years with a key that is made once."""
    fault = secrets.short(keys.expected, keys.key)
    assert not fault, fault


@check(
    "KEY-PASSPHRASE",
    severity="medium",
    expects="keys.pairs.passphrase",
    after=READ,
    source="RFC 7468 section 11; RFC 1421 section 4.6",
    by_hand="sudo grep -c ENCRYPTED {name}",
    repair="openssl pkey -in OLD -out NEW -aes256 adds a passphrase, without -aes256 it takes it away.",
)
def test_the_key_needs_a_passphrase_or_none(keys: KeysCase) -> None:
    """A service that starts by itself can't type a passphrase; a key that is kept for people should have one."""
    path, promised = keys.expected.path, keys.expected.passphrase
    there_at(keys.pair.private.entry, path)
    encrypted = keys.pair.private.encrypted
    if encrypted is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{path} holds no private key")
    now = "needed" if seen(encrypted, path) else "none"
    assert now == promised, f"{path}: passphrase {now}, promised {promised}"


@check(
    "KEY-MODE",
    severity="critical",
    expects="keys.pairs.mode",
    after=READ,
    source="CWE-732: incorrect permission assignment; ssh(1), FILES",
    by_hand=STAT,
    repair="chmod 600 FILE. Who could read it can sign: if others could, make a new one.",
)
def test_the_private_key_is_private(keys: KeysCase) -> None:
    """Who reads it can be anybody: every token that it signs is believed."""
    mode, promised = keys.entry.mode, unmet(keys.entry.mode, keys.expected.mode or ())
    assert not promised, f"{keys.expected.path} has mode {mode:03o}, promised {' and '.join(promised)}"


@check(
    "KEY-OWNER",
    severity="high",
    expects="keys.pairs.owner",
    after=READ,
    source="chown(1); CWE-282: improper ownership management",
    by_hand=STAT,
    repair="chown OWNER FILE.",
)
def test_the_private_key_belongs_to_whom_it_should(keys: KeysCase) -> None:
    """A key with mode 600 can be read by its owner alone: if that is not who signs, nobody does."""
    owner, promised = keys.entry.owner, keys.expected.owner or ()
    assert owner in promised, f"{keys.expected.path} belongs to {owner}, promised {' or '.join(promised)}"


@check(
    "KEY-PUBLIC",
    severity="critical",
    expects="keys.pairs.public",
    after=OPEN,
    source="RFC 7517; RFC 7468 section 13",
    by_hand=PUBLIC + "openssl sha256 /PATH/public.pem",
    repair="openssl pkey -in private.pem -pubout -out public.pem; or find the private key that belongs to it.",
)
def test_the_public_key_is_of_the_private_one(keys: KeysCase) -> None:
    """What is signed with one key and verified with another's is refused: all are logged out."""
    fault = secrets.of_another(keys.key, keys.pair.public, keys.expected.public or "")
    assert not fault, fault


@check(
    "KEY-PUBLIC-MODE",
    severity="medium",
    expects="keys.pairs.public_mode",
    after=(*READ, "KEY-PUBLIC"),
    source="chmod(1)",
    by_hand=STAT + " /PATH/public.pem",
    repair="chmod 644 FILE.",
)
def test_the_public_key_has_its_mode(keys: KeysCase) -> None:
    """Who can write it decides whose signatures are believed; who verifies must be able to read it."""
    held, path = keys.pair.public, keys.expected.public or ""
    mode = there_at(held.entry if held else Unseen(unseen="failed"), path).mode
    broken = unmet(mode, keys.expected.public_mode or ())
    assert not broken, f"{path} has mode {mode:03o}, promised {' and '.join(broken)}"


@check(
    "KEY-CERTIFICATE",
    severity="critical",
    expects="keys.pairs.certificate",
    after=OPEN,
    source="RFC 5280 section 4.1.2.7",
    by_hand=PUBLIC + "sudo openssl x509 -in /PATH/cert.pem -noout -pubkey | openssl sha256",
    repair="Put the pair there that belongs together; the server that has them open runs until it is started again.",
)
def test_the_certificate_is_of_the_private_key(keys: KeysCase) -> None:
    """A server with a certificate of another key runs on what it has loaded, and does not come back after a restart."""
    fault = secrets.of_another(keys.key, keys.pair.certificate, keys.expected.certificate or "")
    assert not fault, fault

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.configuration import KeysCase
from roadworthy.facts.files import Absent
from roadworthy.facts.keys import Held, PublicKey
from roadworthy.facts.store import Unseen
from tests.suites.config.builders import (
    CERTIFICATE,
    ENTRY,
    FORBIDDEN,
    KEY,
    OPEN,
    PRIVATE,
    PUBLIC,
    RSA,
    case,
    keys,
    pair_of,
)
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.keys import KeysObservation

NOWHERE = Held(entry=Absent(absent=PRIVATE))
CLOSED = Held(entry=FORBIDDEN)
LOCKED = KEY.model_copy(
    update={"encrypted": True, "key": Unseen(unseen="not supported", detail="it needs a passphrase")}
)
NONE = KEY.model_copy(update={"encrypted": None, "key": PublicKey(problem="it holds a certificate")})


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("config/test_keys.py")


def of(seen: KeysObservation, **promised: Any) -> KeysCase:
    return case(KeysCase, "keys", pair_of(**promised or {"kind": "rsa"}), seen)


def other(**changes: Any) -> PublicKey:
    return RSA.model_copy(update=changes)


def test_there_is_one(suite: ModuleType) -> None:
    check = suite.test_there_is_a_private_key
    passes(check, of(keys()))
    passes(check, of(keys(LOCKED)))
    fails(check, of(keys(NOWHERE)), f"{PRIVATE} is not there")
    fails(check, of(keys(NONE)), "it holds a certificate")
    is_not_observed(check, of(keys(CLOSED)), "no rights")
    unreadable = KEY.model_copy(update={"encrypted": FORBIDDEN, "key": FORBIDDEN})
    is_not_observed(check, of(keys(unreadable)), "no rights")


def test_kinds(suite: ModuleType) -> None:
    check = suite.test_the_key_is_of_its_kind
    passes(check, of(keys(), kind="rsa"))
    fails(check, of(keys(), kind="ed25519"), "is rsa, promised ed25519")
    for unseen in (NOWHERE, CLOSED, LOCKED, NONE):
        is_not_observed(check, of(keys(unseen), kind="rsa"))


def test_bits(suite: ModuleType) -> None:
    check = suite.test_the_private_key_is_long_enough
    passes(check, of(keys(), min_bits=4096))
    fails(check, of(keys(), min_bits=4097), "has 4096 bits, promised 4097")
    is_not_observed(check, of(keys(KEY.model_copy(update={"key": other(bits=None)})), min_bits=1), "how many bits")
    is_not_observed(check, of(keys(LOCKED), min_bits=1), "passphrase")


def test_passphrases(suite: ModuleType) -> None:
    check = suite.test_the_key_needs_a_passphrase_or_none
    passes(check, of(keys(), passphrase="none"))
    passes(check, of(keys(LOCKED), passphrase="needed"))
    fails(check, of(keys(LOCKED), passphrase="none"), "passphrase needed, promised none")
    fails(check, of(keys(), passphrase="needed"), "passphrase none, promised needed")
    is_not_observed(check, of(keys(NOWHERE), passphrase="none"), "is not there")
    is_not_observed(check, of(keys(NONE), passphrase="none"), "no private key")


def test_modes(suite: ModuleType) -> None:
    check = suite.test_the_private_key_is_private
    passes(check, of(keys(), mode="600"))
    passes(check, of(keys(), mode="<= 640"))
    fails(check, of(keys(OPEN), mode="600"), "has mode 644, promised 600")
    is_not_observed(check, of(keys(CLOSED), mode="600"), "no rights")


def test_owners(suite: ModuleType) -> None:
    check = suite.test_the_private_key_belongs_to_whom_it_should
    passes(check, of(keys(), owner="www-data"))
    fails(check, of(keys(), owner="root"), "belongs to www-data, promised root")
    is_not_observed(check, of(keys(NOWHERE), owner="root"), "is not there")


@pytest.mark.parametrize(
    ("check", "key", "path"),
    [
        ("test_the_public_key_is_of_the_private_one", "public", PUBLIC),
        ("test_the_certificate_is_of_the_private_key", "certificate", CERTIFICATE),
    ],
)
def test_what_is_public(suite: ModuleType, check: str, key: str, path: str) -> None:
    def seen(held: Held, private: Held = KEY) -> KeysCase:
        given: dict[str, Any] = {key: held}
        return of(keys(private, **given), **{key: path})

    passes(getattr(suite, check), seen(OPEN))
    fails(
        getattr(suite, check), seen(OPEN.model_copy(update={"key": other(sha256="b" * 64)})), path, "is of another key"
    )
    fails(getattr(suite, check), seen(Held(entry=Absent(absent=path))), f"{path} is not there")
    fails(getattr(suite, check), seen(Held(entry=ENTRY, key=PublicKey(problem="nothing in PEM"))), "nothing in PEM")
    is_not_observed(getattr(suite, check), seen(CLOSED), "no rights")
    is_not_observed(getattr(suite, check), seen(OPEN, LOCKED), "passphrase")


def test_modes_of_public_keys(suite: ModuleType) -> None:
    check = suite.test_the_public_key_has_its_mode
    passes(check, of(keys(), public=PUBLIC, public_mode="644"))
    fails(check, of(keys(public=KEY), public=PUBLIC, public_mode="644"), "has mode 600, promised 644")
    is_not_observed(check, of(keys(public=NOWHERE), public=PUBLIC, public_mode="644"), "is not there")

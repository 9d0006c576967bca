from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.configuration import EnvCase, SecretValueCase
from roadworthy.facts.env import EnvText, KeySeen, Repeated, ToFill
from roadworthy.facts.files import Absent
from tests.suites.config.builders import ENTRY, ENV, FORBIDDEN, case, env, file_of, secret
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.env import EnvObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("config/test_env.py")


def of(seen: EnvObservation, **promised: Any) -> EnvCase:
    return case(EnvCase, "env", file_of(**promised or {"no_repeats": True}), seen)


GONE = env(entry=Absent(absent="/srv/app"), folder_mode=0)
CLOSED = env(entry=FORBIDDEN)
BROKEN = env(text=EnvText(problem="line 3: a quote that is not closed"))


def test_it_can_be_read(suite: ModuleType) -> None:
    check = suite.test_the_configuration_can_be_read
    passes(check, of(env()))
    fails(check, of(GONE), ENV, "is not there: nothing is at /srv/app")
    fails(check, of(BROKEN), "line 3: a quote that is not closed")
    is_not_observed(check, of(CLOSED), "no rights")
    is_not_observed(check, of(env(text=FORBIDDEN)), "no rights")


@pytest.mark.parametrize(
    ("check", "promised"),
    [
        ("test_the_configuration_says_what_is_promised", {"has": {"A": 1}}),
        ("test_settings_are_none_of_a_developers_desk", {"isnt": {"A": 1}}),
        ("test_needed_settings_are_set", {"sets": ["A"]}),
        ("test_settings_that_must_not_be_there_are_not", {"absent": ["A"]}),
        ("test_nothing_is_left_to_be_filled_in", {"no_placeholders": True}),
        ("test_no_setting_is_there_twice", {"no_repeats": True}),
        ("test_secrets_are_strong", {"secrets": {"A": {}}}),
        ("test_secrets_are_known_to_nobody", {"secrets": {"A": {}}}),
    ],
)
@pytest.mark.parametrize("seen", [GONE, CLOSED, BROKEN, env(text=FORBIDDEN)])
def test_what_can_not_be_read_is_not_judged(
    suite: ModuleType, check: str, promised: dict[str, Any], seen: EnvObservation
) -> None:
    is_not_observed(getattr(suite, check), of(seen, **promised))


def test_values(suite: ModuleType) -> None:
    check = suite.test_the_configuration_says_what_is_promised
    promised = {"has": {"APP_ENV": "production", "APP_DEBUG": False, "JWT_ACCESS_TOKEN_TTL": 15}}
    good = {"APP_ENV": "production", "APP_DEBUG": "(FALSE)", "JWT_ACCESS_TOKEN_TTL": "15.0"}
    passes(check, of(env(**good), **promised))
    fails(check, of(env(**good | {"APP_DEBUG": "true"}), **promised), ENV, "APP_DEBUG is true, promised false")
    fails(check, of(env(**good | {"APP_DEBUG": "off"}), **promised), "APP_DEBUG is off, promised false")
    fails(check, of(env(**good | {"APP_DEBUG": ""}), **promised), "APP_DEBUG is empty, promised false")
    fails(check, of(env(**good | {"APP_ENV": "Production"}), **promised), "promised production")
    fails(check, of(env(**good | {"JWT_ACCESS_TOKEN_TTL": "16"}), **promised), "is 16, promised 15")
    without = {key: value for key, value in good.items() if key != "APP_ENV"}
    fails(check, of(env(**without), **promised), "APP_ENV is missing, promised production")
    hidden = KeySeen(length=40)
    fails(check, of(env(**good | {"APP_ENV": hidden}), **promised), "something that is not shown (40 characters)")
    all_wrong = of(env(APP_ENV="local", APP_DEBUG="1", JWT_ACCESS_TOKEN_TTL="x"), **promised)
    fails(check, all_wrong, "APP_ENV is local", "APP_DEBUG is 1", "JWT_ACCESS_TOKEN_TTL is x")


def test_refused_values(suite: ModuleType) -> None:
    check = suite.test_settings_are_none_of_a_developers_desk
    promised = {"isnt": {"SMS_PROVIDER": ["console", "log"], "TRACE": True}}
    passes(check, of(env(SMS_PROVIDER="twilio", TRACE="false"), **promised))
    fails(check, of(env(SMS_PROVIDER="Console", TRACE="false"), **promised), "SMS_PROVIDER is Console")
    fails(check, of(env(SMS_PROVIDER="", TRACE="TRUE"), **promised), "SMS_PROVIDER is not set", "TRACE is TRUE")
    fails(check, of(env(SMS_PROVIDER="twilio", TRACE="1"), **promised), "TRACE is 1")
    fails(check, of(env(TRACE="false"), **promised), "SMS_PROVIDER is not set")


def test_keys_that_are_needed(suite: ModuleType) -> None:
    check = suite.test_needed_settings_are_set
    promised = {"sets": ["DB_HOST", "DB_PORT"]}
    passes(check, of(env(DB_HOST=secret(length=1), DB_PORT=secret()), **promised))
    fails(check, of(env(DB_HOST=secret(length=0)), **promised), "DB_HOST is empty", "DB_PORT is missing")


def test_keys_that_must_not_be_there(suite: ModuleType) -> None:
    check = suite.test_settings_that_must_not_be_there_are_not
    promised = {"absent": ["XDEBUG_MODE"]}
    passes(check, of(env(), **promised))
    fails(check, of(env(XDEBUG_MODE=secret(length=0)), **promised), "XDEBUG_MODE is there")


def test_placeholders(suite: ModuleType) -> None:
    check = suite.test_nothing_is_left_to_be_filled_in
    left = EnvText(to_fill=(ToFill(key="DB_PASSWORD", line=7, what="an unresolved reference"),))
    passes(check, of(env(), no_placeholders=True))
    fails(check, of(env(text=left), no_placeholders=True), "DB_PASSWORD (line 7): an unresolved reference")


def test_keys_that_are_there_twice(suite: ModuleType) -> None:
    check = suite.test_no_setting_is_there_twice
    passes(check, of(env(), no_repeats=True))
    twice = EnvText(repeated=(Repeated(key="APP_ENV", lines=(1, 9)),))
    fails(check, of(env(text=twice), no_repeats=True), "APP_ENV has different values (lines 1, 9)")


def test_strong_secrets(suite: ModuleType) -> None:
    check = suite.test_secrets_are_strong
    promised = {"secrets": {"JWT_SECRET": {"min_length": 32, "min_bits": 128}, "APP_KEY": {"base64_bytes": 32}}}
    key = secret(base64_bytes=32)
    passes(check, of(env(JWT_SECRET=secret(length=32, bits=128.0), APP_KEY=key), **promised))
    fails(check, of(env(JWT_SECRET=secret(length=31), APP_KEY=key), **promised), "has 31 characters, promised 32")
    few = env(JWT_SECRET=secret(length=32, bits=127.9), APP_KEY=key)
    fails(check, of(few, **promised), "JWT_SECRET has 127 bits of entropy at most, promised 128")
    fails(check, of(env(JWT_SECRET=secret(), APP_KEY=secret(base64_bytes=31)), **promised), "is 31 bytes in base64")
    fails(check, of(env(JWT_SECRET=secret(), APP_KEY=secret()), **promised), "APP_KEY is no base64:...")
    fails(check, of(env(JWT_SECRET=secret(length=0)), **promised), "JWT_SECRET is empty", "APP_KEY is missing")


def test_known_secrets(suite: ModuleType) -> None:
    check = suite.test_secrets_are_known_to_nobody
    promised = {"secrets": {"JWT_SECRET": {"published": "of-the-guide"}}}
    passes(check, of(env(JWT_SECRET=secret()), **promised))
    passes(check, of(env(), **promised))  # that it is missing is said elsewhere
    fails(check, of(env(JWT_SECRET=secret(known="it is published")), **promised), "JWT_SECRET: it is published")


def test_secrets_of_a_store(suite: ModuleType) -> None:
    check = suite.test_secrets_are_the_ones_of_the_store

    def stored(seen: EnvObservation) -> SecretValueCase:
        promised = file_of(secrets={"DB_PASSWORD": {"equals": "only-here"}, "JWT_SECRET": {}})
        return case(SecretValueCase, "env", promised, seen)

    passes(check, stored(env(DB_PASSWORD=secret(equals=True), JWT_SECRET=secret())))
    fails(check, stored(env(DB_PASSWORD=secret(equals=False))), "DB_PASSWORD is another one")
    is_not_observed(check, stored(env(JWT_SECRET=secret())), "DB_PASSWORD is missing")


def test_modes(suite: ModuleType) -> None:
    check = suite.test_the_configuration_is_not_for_everybody
    passes(check, of(env(), mode="<= 640"))
    passes(check, of(env(folder_mode=0o1777), mode="<= 640"))
    readable = env(entry=ENTRY.model_copy(update={"mode": 0o644}))
    fails(check, of(readable, mode="<= 640"), f"{ENV} has mode 644, promised <= 640")
    fails(check, of(env(folder_mode=0o777), mode="<= 640"), "has mode 777: all the world can put another file there")
    passes(check, of(env(text=FORBIDDEN), mode="<= 640"))
    is_not_observed(check, of(GONE, mode="<= 640"), "is not there")
    is_not_observed(check, of(CLOSED, mode="<= 640"), "no rights")


def test_owners(suite: ModuleType) -> None:
    check = suite.test_the_configuration_belongs_to_whom_it_should
    passes(check, of(env(), owner=["nginx", "www-data"]))
    fails(check, of(env(), owner="root"), "belongs to www-data, promised root")
    is_not_observed(check, of(GONE, owner="root"), "is not there")


def test_what_the_host_is_told() -> None:
    promised = file_of(
        has={"APP_ENV": "production"},
        sets=["APP_ENV", "DB_HOST"],
        secrets={"DB_PASSWORD": {"equals": "only-here", "published": "of-the-guide"}},
    )
    ask = case(EnvCase, "env", promised, env()).ask
    told = ask.wanted
    assert "only-here" not in str(told) + ask.model_dump_json() + repr(ask)
    assert "production" not in str(told)
    assert told["files"][0]["plain"] == ["APP_ENV"]
    assert told["files"][0]["others"] == ["DB_HOST", "DB_PASSWORD"]
    assert told["salt"] != ask.wanted["salt"]
    assert "foobared" in told["known"]

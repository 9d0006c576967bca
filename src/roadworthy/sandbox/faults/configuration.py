"""Faults of configuration files, keys, and what is built."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.machines.built import cache_of
from roadworthy.sandbox.machines.keys import as_text, certificate, private, public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.machines.machine import File
    from roadworthy.target.blocks.built import Cache, Laravel, Output
    from roadworthy.target.blocks.env import EnvFile, Secret, Value
    from roadworthy.target.blocks.keys import PrivateKey

STRANGER = "mallory"
READABLE_BY_ALL = 0o644
WRITABLE_BY_ALL = 0o666
LONG_AGO_S = 86400.0
SHORT_BITS, SHORT_CURVE_BITS = 2048, 256


# --- configuration files ---------------------------------------------------------------------------------------------


def _env_files(deployment: Deployment, component: str) -> Iterator[EnvFile]:
    env = deployment.component(component).env
    yield from (env.files or {}).values() if env else ()


def _env(holds: Callable[[EnvFile], object]) -> Where:
    """Components with such a file."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in deployment.target.components:
            if any(holds(file) for file in _env_files(deployment, name)):
                yield name

    return where


def _file(holds: Callable[[EnvFile], object], change: Callable[[File, EnvFile], File | None]) -> Change:
    """The first such file is another."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = next(file for file in _env_files(deployment, component) if holds(file))
        return deployment.with_machine(
            component, lambda machine: machine.with_file(promised.path, lambda file: change(file, promised))
        )

    return changed


def _with_line(file: File, key: str, line: str) -> File:
    """The file with another line for a key; an empty one takes it away."""
    text = re.sub(rf"(?m)^{re.escape(key)}=.*\n", lambda _: line, file.text or "")
    return replace(file, text=text)


def _set(holds: Callable[[EnvFile], object], key_of: Callable[[EnvFile], str], value: str) -> Change:
    """One key has another value."""
    return _file(holds, lambda file, one: _with_line(file, key_of(one), f"{key_of(one)}={value}\n"))


def _has_debug(file: EnvFile) -> bool:
    return (file.has or {}).get("APP_DEBUG") is False


def _driver(file: EnvFile) -> str:
    """A key that says where something is kept: SESSION_DRIVER, QUEUE_CONNECTION."""
    held: dict[str, Value] = file.has or {}
    return next((key for key, value in held.items() if value in ("redis", "s3")), "")


def _refused(file: EnvFile) -> str:
    return next(iter(file.isnt or ()), "")


def _refused_value(file: File, one: EnvFile) -> File:
    key, values = next(iter((one.isnt or {}).items()))
    return _with_line(file, key, f"{key}={values[0]}\n")


def _needed(file: EnvFile) -> str:
    return (file.sets or ("",))[0]


def _secret(holds: Callable[[Secret], object]) -> Callable[[EnvFile], str]:
    return lambda file: next((key for key, secret in (file.secrets or {}).items() if holds(secret)), "")


def _filled(file: EnvFile) -> str:
    """A key that would be noticed by nothing else if it were not filled in."""
    return next(iter(file.sets or file.secrets or file.has or ()), "") if file.no_placeholders else ""


_bounded = _secret(lambda secret: secret.min_length or secret.min_bits or secret.base64_bytes)
_published = _secret(lambda secret: secret.published)
_of_a_store = _secret(lambda secret: secret.equals)
_any_secret = _secret(lambda _: True)


def _publish(file: File, one: EnvFile) -> File:
    """The last of what is published: a guide's own placeholder, which others stand for, is found as such."""
    key = _published(one)
    values = (one.secrets or {})[key].published or ("",)
    return _with_line(file, key, f"{key}='{values[-1]}'\n")


def _rotated(file: File, one: EnvFile) -> File:
    key = _of_a_store(one)
    return _with_line(file, key, f"{key}={((one.secrets or {})[key].equals or '')[::-1]}0\n")


def _twice(file: File, one: EnvFile) -> File:
    key = next(iter(one.sets or one.has or one.secrets or ()))
    return replace(file, text=f"{key}=of-yesterday\n{file.text}")


def _has_any(file: EnvFile) -> bool:
    return bool(file.no_repeats and (file.sets or file.has or file.secrets))


# --- keys ------------------------------------------------------------------------------------------------------------


def _keys(deployment: Deployment, component: str) -> Iterator[tuple[str, PrivateKey]]:
    keys = deployment.component(component).keys
    yield from (keys.pairs or {}).items() if keys else ()


def _key(holds: Callable[[PrivateKey], object]) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        for name in deployment.target.components:
            if any(holds(key) for _, key in _keys(deployment, name)):
                yield name

    return where


def _pair(
    holds: Callable[[PrivateKey], object],
    path_of: Callable[[PrivateKey], str | None],
    change: Callable[[File, str, PrivateKey], File | None],
) -> Change:
    """One file of the first such pair is another."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        name, key = next((name, key) for name, key in _keys(deployment, component) if holds(key))
        return deployment.with_machine(
            component,
            lambda machine: machine.with_file(path_of(key) or "", lambda file: change(file, name, key)),
        )

    return changed


def _private_path(key: PrivateKey) -> str:
    return key.path


def _is_long_rsa(key: PrivateKey) -> bool:
    """Its bits alone are another thing: whatever must match it does not, either."""
    return (key.min_bits or 0) > SHORT_BITS and key.kind in (None, "rsa")


def _shorter_pair(deployment: Deployment, component: str) -> Deployment:
    """A pair that belongs together, and is too short."""
    name, key = next((name, key) for name, key in _keys(deployment, component) if _is_long_rsa(key))
    made = private(f"{name}, short", "rsa", SHORT_BITS)
    texts = {key.path: as_text(made), key.public: public(made), key.certificate: ""}
    if key.certificate is not None:
        texts[key.certificate] = certificate(name, made)
    for path, text in texts.items():
        if path is not None:
            deployment = _with_text(deployment, component, path, text)
    return deployment


def _other_kind(deployment: Deployment, component: str) -> Deployment:
    """A pair that belongs together, and is of an elliptic curve."""
    name, key = next((name, key) for name, key in _keys(deployment, component) if _is_rsa(key))
    made = private(f"{name}, of a curve", "ec", SHORT_CURVE_BITS)
    texts = {key.path: as_text(made), key.public: public(made)}
    if key.certificate is not None:
        texts[key.certificate] = certificate(name, made)
    for path, text in texts.items():
        if path is not None:
            deployment = _with_text(deployment, component, path, text)
    return deployment


def _is_rsa(key: PrivateKey) -> bool:
    return key.kind == "rsa"


def _with_text(deployment: Deployment, component: str, path: str, text: str) -> Deployment:
    return deployment.with_machine(
        component, lambda machine: machine.with_file(path, lambda file: replace(file, text=text))
    )


# --- what is built ---------------------------------------------------------------------------------------------------


def _apps(deployment: Deployment, component: str) -> Iterator[Laravel]:
    built = deployment.component(component).built
    yield from (built.laravel or {}).values() if built else ()


def _cached(name: Cache) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        for component in deployment.target.components:
            if any(name in (app.caches or ()) for app in _apps(deployment, component)):
                yield component

    return where


def _cache(name: Cache, change: Callable[[File], File | None]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        app = next(app for app in _apps(deployment, component) if name in (app.caches or ()))
        return deployment.with_machine(component, lambda machine: machine.with_file(cache_of(app.path, name), change))

    return changed


def _outputs(deployment: Deployment, component: str) -> Iterator[Output]:
    built = deployment.component(component).built
    yield from (built.outputs or {}).values() if built else ()


def _output(holds: Callable[[Output], object]) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        for component in deployment.target.components:
            if any(holds(output) for output in _outputs(deployment, component)):
                yield component

    return where


def _of_output(holds: Callable[[Output], object], change: Callable[[File], File | None]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        output = next(output for output in _outputs(deployment, component) if holds(output))
        return deployment.with_machine(component, lambda machine: machine.with_file(output.path, change))

    return changed


def _old(file: File) -> File:
    return replace(file, age_s=LONG_AGO_S)


FAULTS = (
    fault(
        "env-missing",
        "a configuration file is not there",
        "ENV-READ",
        where=_env(bool),
        change=_file(bool, lambda *_: None),
    ),
    fault(
        "env-broken",
        "a quote in a configuration file is not closed",
        "ENV-READ",
        where=_env(bool),
        change=_file(bool, lambda file, _: replace(file, text=f'{file.text}MOTTO="for all time\n')),
    ),
    fault(
        "env-debug",
        "APP_DEBUG=true in production",
        "ENV-VALUE",
        where=_env(_has_debug),
        change=_set(_has_debug, lambda _: "APP_DEBUG", "true"),
    ),
    fault(
        "env-other-driver",
        "sessions, cache or files are kept on the host itself, as its .env says another driver",
        "ENV-VALUE",
        where=_env(_driver),
        change=_set(_driver, _driver, "file"),
    ),
    fault(
        "env-console",
        "a provider is the console: nothing is sent",
        "ENV-REFUSED",
        where=_env(_refused),
        change=_file(_refused, _refused_value),
    ),
    fault(
        "env-key-missing",
        "a key that is needed is not there",
        "ENV-SET",
        where=_env(_needed),
        change=_file(_needed, lambda file, one: _with_line(file, _needed(one), "")),
    ),
    fault(
        "env-key-left",
        "a key that must not be there was left",
        "ENV-ABSENT",
        where=_env(lambda one: one.absent),
        change=_file(
            lambda one: one.absent, lambda file, one: replace(file, text=f"{file.text}{(one.absent or ('',))[0]}=1\n")
        ),
    ),
    fault(
        "env-placeholder",
        "a value was never filled in: <stored-in-aws-secrets-manager>",
        "ENV-PLACEHOLDER",
        where=_env(_filled),
        change=_set(_filled, _filled, "'<stored-in-aws-secrets-manager>'"),
    ),
    fault(
        "env-unresolved",
        "a value is still a reference to AWS' Parameter Store: ${SSM:/app/prod/key}",
        "ENV-PLACEHOLDER",
        where=_env(_filled),
        change=_set(_filled, _filled, "${SSM:/app/prod/key}"),
    ),
    fault(
        "env-key-twice",
        "a key is there twice, with different values",
        "ENV-REPEATED",
        where=_env(_has_any),
        change=_file(_has_any, _twice),
    ),
    fault(
        "env-secret-empty",
        "a secret is empty",
        "ENV-SECRET-WEAK",
        where=_env(_any_secret),
        change=_set(_any_secret, _any_secret, ""),
    ),
    fault(
        "env-secret-weak",
        "a secret is short",
        "ENV-SECRET-WEAK",
        where=_env(_bounded),
        change=_set(_bounded, _bounded, "b7Wq"),
    ),
    fault(
        "env-secret-known",
        "a secret is one that everybody tries",
        "ENV-SECRET-KNOWN",
        where=_env(_any_secret),
        change=_set(_any_secret, _any_secret, "Password123"),
    ),
    fault(
        "env-secret-published",
        "a secret is the default that a guide tells everybody",
        "ENV-SECRET-KNOWN",
        where=_env(_published),
        change=_file(_published, _publish),
    ),
    fault(
        "env-secret-rotated",
        "a secret was rotated, and the host has another one",
        "ENV-SECRET-VALUE",
        where=_env(_of_a_store),
        change=_file(_of_a_store, _rotated),
    ),
    fault(
        "env-readable",
        "everybody on the host can read a configuration file",
        "ENV-MODE",
        where=_env(lambda one: one.mode),
        change=_file(lambda one: one.mode, lambda file, _: replace(file, mode=READABLE_BY_ALL)),
    ),
    fault(
        "env-other-owner",
        "a configuration file belongs to somebody else",
        "ENV-OWNER",
        where=_env(lambda one: one.owner),
        change=_file(lambda one: one.owner, lambda file, _: replace(file, owner=STRANGER)),
    ),
    fault(
        "key-missing",
        "a private key is not there",
        "KEY-READ",
        where=_key(bool),
        change=_pair(bool, _private_path, lambda *_: None),
    ),
    fault(
        "key-readable",
        "everybody on the host can read a private key",
        "KEY-MODE",
        where=_key(lambda key: key.mode),
        change=_pair(lambda key: key.mode, _private_path, lambda file, *_: replace(file, mode=READABLE_BY_ALL)),
    ),
    fault(
        "key-other-owner",
        "a private key belongs to somebody else",
        "KEY-OWNER",
        where=_key(lambda key: key.owner),
        change=_pair(lambda key: key.owner, _private_path, lambda file, *_: replace(file, owner=STRANGER)),
    ),
    fault("key-short", "a private key has 2048 bits", "KEY-BITS", where=_key(_is_long_rsa), change=_shorter_pair),
    fault(
        "key-other-kind", "a private key is of an elliptic curve", "KEY-KIND", where=_key(_is_rsa), change=_other_kind
    ),
    fault(
        "key-encrypted",
        "a private key that a service needs has got a passphrase",
        "KEY-PASSPHRASE",
        where=_key(lambda key: key.passphrase == "none"),  # noqa: S105 - no password
        change=_pair(
            lambda key: key.passphrase == "none",  # noqa: S105 - no password
            _private_path,
            lambda file, name, key: replace(
                file, text=as_text(private(name, key.kind or "rsa", key.min_bits), encrypted=True)
            ),
        ),
    ),
    fault(
        "key-other-public",
        "a public key is of another pair",
        "KEY-PUBLIC",
        where=_key(lambda key: key.public),
        change=_pair(
            lambda key: key.public,
            lambda key: key.public,
            lambda file, name, _: replace(file, text=public(private(f"{name}, before", "rsa", SHORT_BITS))),
        ),
    ),
    fault(
        "key-public-writable",
        "everybody on the host can write a public key",
        "KEY-PUBLIC-MODE",
        where=_key(lambda key: key.public_mode),
        change=_pair(
            lambda key: key.public_mode,
            lambda key: key.public,
            lambda file, *_: replace(file, mode=WRITABLE_BY_ALL),
        ),
    ),
    fault(
        "key-other-certificate",
        "a certificate is for another key",
        "KEY-CERTIFICATE",
        where=_key(lambda key: key.certificate),
        change=_pair(
            lambda key: key.certificate,
            lambda key: key.certificate,
            lambda file, name, _: replace(file, text=certificate(name, private(f"{name}, before", "rsa", SHORT_BITS))),
        ),
    ),
    fault(
        "laravel-config-stale",
        "Laravel's cached configuration is older than its .env",
        "LARAVEL-STALE",
        where=_cached("config"),
        change=_cache("config", _old),
    ),
    fault(
        "laravel-routes-uncached",
        "Laravel's routes are not cached",
        "LARAVEL-CACHED",
        where=_cached("routes"),
        change=_cache("routes", lambda _: None),
    ),
    fault(
        "build-missing",
        "what must be built is an empty file",
        "BUILT-THERE",
        where=_output(bool),
        change=_of_output(bool, lambda file: replace(file, text="")),
    ),
    fault(
        "build-stale",
        "what is built is older than its sources",
        "BUILT-STALE",
        where=_output(lambda output: output.newer_than),
        change=_of_output(lambda output: output.newer_than, _old),
    ),
)

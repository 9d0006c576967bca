"""Cases of the config suite: configuration files, private keys, and what is built, each from one look at the host."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.built import BuiltAsk, BuiltObservation, OutputSeen, OutputWanted
from roadworthy.facts.env import EnvAsk, EnvFileSeen, EnvFileWanted, EnvObservation, EnvText
from roadworthy.facts.files import Absent, Entry
from roadworthy.facts.keys import Held, KeysAsk, KeySeen, KeysObservation, KeyWanted, PublicKey
from roadworthy.facts.store import Unseen, seen
from roadworthy.target.blocks.built import Cache, Laravel, Output
from roadworthy.target.blocks.env import EnvFile
from roadworthy.target.blocks.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.target.models import Component, Target

CACHES: dict[Cache, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "config": (("bootstrap/cache/config.php",), (".env", "config/*.php")),
    "routes": (("bootstrap/cache/routes-v7.php", "bootstrap/cache/routes.php"), ("routes/*.php",)),
    "views": (("storage/framework/views/*.php",), ()),  # each is compared with its source when it is shown
    "events": (("bootstrap/cache/events.php",), ()),
}
"""Where Laravel keeps its caches (Illuminate\\Foundation\\Application), and what the first two are made of."""


@cache
def weak_secrets() -> tuple[str, ...]:
    """Values that everybody knows."""
    text = files("roadworthy.known").joinpath("weak-secrets.yaml").read_text(encoding="utf-8")
    return tuple(value for values in yaml.safe_load(text).values() for value in values)


def there_at(entry: Entry | Absent | Unseen, path: str) -> Entry:
    """What is at a path.

    Raises:
        NotObserved: nothing is, or it can't be seen.
    """
    if isinstance(entry, Unseen):
        raise entry.error()
    if isinstance(entry, Absent):
        raise NotObserved(Reason.NOT_APPLICABLE, f"{path} is not there")
    return entry


class EnvCase(Case[EnvFile, EnvAsk, EnvObservation]):
    """One configuration file."""

    block = "env"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[EnvFile, EnvAsk]]:
        """Each of the files; all are looked at together."""
        promised = tuple((component.env.files or {}).values()) if component.env else ()
        if promised:
            ask = EnvAsk(**there(target, component), files=tuple(map(_env_wanted, promised)), known=weak_secrets())
            yield from ((file, ask) for file in promised)

    @property
    def file(self) -> EnvFileSeen:
        """The file as it was found."""
        return next(file for file in self.seen.files if file.path == self.expected.path)

    @property
    def entry(self) -> Entry:
        """What is at its path.

        Raises:
            NotObserved: nothing is, or it can't be seen.
        """
        return there_at(self.file.entry, self.expected.path)

    @property
    def text(self) -> EnvText:
        """What is in it.

        Raises:
            NotObserved: it is not there, can't be seen, or is no text that its reader understands.
        """
        there_at(self.file.entry, self.expected.path)
        text = seen(self.file.text, self.expected.path)
        if text.problem:
            raise NotObserved(Reason.NOT_APPLICABLE, f"{self.expected.path}: {text.problem}")
        return text

    def told(self, faults: Iterable[str]) -> str:
        """Faults of what is in it, on one line."""
        return f"{self.expected.path}: {'; '.join(faults)}"


def _env_wanted(promised: EnvFile) -> EnvFileWanted:
    secrets = promised.secrets or {}
    plain = dict.fromkeys((*(promised.has or ()), *(promised.isnt or ())))
    others = dict.fromkeys((*(promised.sets or ()), *(promised.absent or ()), *secrets))
    return EnvFileWanted(
        path=promised.path,
        reader=promised.reader,
        plain=tuple(key for key in plain if key not in secrets),
        others=tuple(key for key in others if key in secrets or key not in plain),
        published=tuple((key, secret.published) for key, secret in secrets.items() if secret.published),
        secret=tuple((key, secret.equals) for key, secret in secrets.items() if secret.equals),
    )


class SecretValueCase(EnvCase):
    """One of which the value of a secret is promised."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[EnvFile, EnvAsk]]:
        """The same look."""
        for promised, ask in super().looks(target, component):
            if any(secret.equals for secret in (promised.secrets or {}).values()):
                yield promised, ask


class KeysCase(Case[PrivateKey, KeysAsk, KeysObservation]):
    """One private key."""

    block = "keys"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[PrivateKey, KeysAsk]]:
        """Each of the keys; all are looked at together."""
        promised = tuple((component.keys.pairs or {}).values()) if component.keys else ()
        if promised:
            pairs = tuple(KeyWanted(path=one.path, public=one.public, certificate=one.certificate) for one in promised)
            ask = KeysAsk(**there(target, component), pairs=pairs)
            yield from ((one, ask) for one in promised)

    @property
    def pair(self) -> KeySeen:
        """The key as it was found."""
        return next(pair for pair in self.seen.pairs if pair.path == self.expected.path)

    @property
    def entry(self) -> Entry:
        """What is at its path.

        Raises:
            NotObserved: nothing is, or it can't be seen.
        """
        return there_at(self.pair.private.entry, self.expected.path)

    @property
    def key(self) -> PublicKey:
        """What is public of it.

        Raises:
            NotObserved: that can't be seen.
        """
        return public_key(self.pair.private, self.expected.path)


def public_key(held: Held, path: str) -> PublicKey:
    """What is public of a key in a file.

    Raises:
        NotObserved: the file is not there, can't be seen, or holds none.
    """
    there_at(held.entry, path)
    key = seen(held.key, path)
    if key.problem:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{path}: {key.problem}")
    return key


def built_ask(target: Target, component: Component) -> BuiltAsk:
    """The one look at all that is built."""
    assert component.built is not None  # noqa: S101 - the callers have looked
    laravel, outputs = component.built.laravel or {}, component.built.outputs or {}
    wanted = [_cache_wanted(app, name) for app in laravel.values() for name in app.caches or ()]
    wanted += [OutputWanted(name=one.path, paths=(one.path,), sources=one.newer_than or ()) for one in outputs.values()]
    return BuiltAsk(**there(target, component), outputs=tuple(wanted))


def _cache_wanted(app: Laravel, name: Cache) -> OutputWanted:
    paths, sources = (tuple(f"{app.path.rstrip('/')}/{part}" for part in parts) for parts in CACHES[name])
    return OutputWanted(name=f"{app.path}: {name}", paths=paths, sources=sources)


class CachesCase(Case[Laravel, BuiltAsk, BuiltObservation]):
    """The caches of one Laravel application."""

    block = "built"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Laravel, BuiltAsk]]:
        """Each application; all are looked at together."""
        for app in (component.built.laravel or {}).values() if component.built else ():
            yield app, built_ask(target, component)

    @property
    def caches(self) -> tuple[tuple[Cache, OutputSeen], ...]:
        """The promised caches as they were found."""
        found = {output.name: output for output in self.seen.outputs}
        return tuple((name, found[f"{self.expected.path}: {name}"]) for name in self.expected.caches or ())


class StaleCachesCase(CachesCase):
    """The same, where caches are promised that are made of something."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Laravel, BuiltAsk]]:
        """The same look."""
        for app, ask in super().looks(target, component):
            if any(CACHES[name][1] for name in app.caches or ()):
                yield app, ask

    @property
    def caches(self) -> tuple[tuple[Cache, OutputSeen], ...]:
        """Those that are made of something."""
        return tuple((name, output) for name, output in super().caches if CACHES[name][1])


class OutputCase(Case[Output, BuiltAsk, BuiltObservation]):
    """One thing that is built."""

    block = "built"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Output, BuiltAsk]]:
        """Each of them; all are looked at together."""
        for output in (component.built.outputs or {}).values() if component.built else ():
            yield output, built_ask(target, component)

    @property
    def output(self) -> OutputSeen:
        """It, as it was found."""
        return next(output for output in self.seen.outputs if output.name == self.expected.path)

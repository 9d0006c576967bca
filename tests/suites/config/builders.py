"""A healthy host as the config suite sees it; a test changes one thing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.env import EnvFileSeen, EnvObservation, EnvText, KeySeen
from roadworthy.facts.files import Entry
from roadworthy.facts.keys import Held, KeysObservation, PublicKey
from roadworthy.facts.keys import KeySeen as PairSeen
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

ENV, PRIVATE, PUBLIC, CERTIFICATE = (
    "/srv/app/.env",
    "/srv/keys/private.pem",
    "/srv/keys/public.pem",
    "/srv/keys/cert.pem",
)
FORBIDDEN = Unseen(unseen="not permitted", detail="no rights")
ENTRY = Entry(kind="file", owner="www-data", group="www-data", mode=0o640)


def case(kind: type[C], block: str, promised: dict[str, Any], seen: object) -> C:
    """The first case of its kind, of a host with one block of promises."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.test", "sudo": True}}},
            "components": {"app": {"host": "app", block: promised}},
        }
    )
    component = target.components["app"]
    expected, ask = next(iter(kind.looks(target, component)))
    return kind(target=target, name="app", component=component, expected=expected, ask=ask, address=None, seen=seen)


def file_of(**promised: Any) -> dict[str, Any]:
    """Promises of one configuration file."""
    return {"files": {"app": {"path": ENV, "reader": "laravel", **promised}}}


def env(*, entry: Any = ENTRY, folder_mode: int = 0o755, text: Any = None, **keys: KeySeen | str) -> EnvObservation:
    """One configuration file, with some keys: plain values or what is told of secrets."""
    told = {key: KeySeen(length=len(one), value=one) if isinstance(one, str) else one for key, one in keys.items()}
    file = EnvFileSeen(path=ENV, entry=entry, folder_mode=folder_mode, text=text or EnvText(keys=told))
    return EnvObservation(observed_at=NOW, now=NOW, files=(file,))


def secret(**changes: Any) -> KeySeen:
    """A strong one."""
    given: dict[str, Any] = {"length": 64, "bits": 256.0}
    return KeySeen(**given | changes)


RSA = PublicKey(algorithm="rsa", bits=4096, sha256="a" * 64)
KEY = Held(entry=ENTRY.model_copy(update={"mode": 0o600}), encrypted=False, key=RSA)
OPEN = Held(entry=ENTRY.model_copy(update={"mode": 0o644}), key=RSA)


def keys(private: Held = KEY, public: Held | None = OPEN, certificate: Held | None = OPEN) -> KeysObservation:
    """One key, and what is public of it."""
    pair = PairSeen(path=PRIVATE, private=private, public=public, certificate=certificate)
    return KeysObservation(observed_at=NOW, now=NOW, pairs=(pair,))


def pair_of(**promised: Any) -> dict[str, Any]:
    """Promises of one key."""
    return {"pairs": {"jwt": {"path": PRIVATE, **promised}}}

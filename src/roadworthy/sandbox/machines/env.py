"""What is on a machine that keeps its promises of `env`: real files, as an operator writes them."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import File, Machine
from roadworthy.target.blocks.files import mode_of

if TYPE_CHECKING:
    from roadworthy.target.blocks.env import Env, EnvFile, Secret, Value
    from roadworthy.target.models import Component, Target

CHANGED_S = 3600.0
"""So long ago, before what is built from it."""
PRIVATE = 0o640


def furnish(promised: Env, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    files = tuple(_file(name, file) for name, file in (promised.files or {}).items())
    return Machine(files=files, keeper=next((file.owner for file in files if file.owner != "root"), "root"))


def bits_of(modes: tuple[str, ...] | None, otherwise: int) -> int:
    """A mode that is as promised."""
    return mode_of(modes[0])[1] if modes else otherwise


def _file(name: str, file: EnvFile) -> File:
    owner = (file.owner or ("root",))[0]
    return File(
        file.path,
        text_of(name, file),
        mode=bits_of(file.mode, PRIVATE),
        owner=owner,
        group=owner,
        age_s=CHANGED_S,
    )


def text_of(name: str, file: EnvFile) -> str:
    """A file that has all that is promised."""
    values = {key: f"{key.lower()}-of-{name}" for key in file.sets or ()}
    values |= {key: "real" if "real" not in refused else "true" for key, refused in (file.isnt or {}).items()}
    values |= {key: _written(value) for key, value in (file.has or {}).items()}
    values |= {key: _strong(f"{name} {key}", secret) for key, secret in (file.secrets or {}).items()}
    lines = [f"{key}={_quoted(value)}" for key, value in values.items()]
    return "\n".join([f"# Configuration of {name}", *lines, ""])


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w.,:/@+=-]*", value):
        return value
    return f"'{value}'" if "'" not in value else '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def _strong(seed: str, secret: Secret) -> str:
    """A secret as strong as promised, the same again for the same key."""
    if secret.equals is not None:
        return secret.equals
    drawn = b"".join(hashlib.sha256(f"{seed} {number}".encode()).digest() for number in range(128))
    if secret.base64_bytes is not None:
        return "base64:" + base64.b64encode(drawn[: secret.base64_bytes]).decode()
    digits = max(secret.min_length or 0, (secret.min_bits or 0) // 4 + 8, 32)
    return drawn.hex()[:digits]

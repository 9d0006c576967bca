"""Configuration files of keys and values (`.env`): what they say, how strong their secrets are, who may read them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place, one_or_many
from roadworthy.target.blocks.files import Modes
from roadworthy.target.values import BY_REFERENCE, PUBLIC, Frozen

Reader = Literal["laravel", "node", "compose"]
Value = str | int | float | bool
LONGEST = 1000
"""Characters of a value that is no secret; longer ones are not shown, and so can't be promised."""

_SECRETS = re.compile(
    r"PASS|PWD|PASSPHRASE|\w*PASSWORDS?|\w*PASSWD|\w*SECRETS?|\w*TOKENS?|KEYS?|\w*APIKEY|\w*PRIVATEKEY|DSN|CREDENTIALS?"
    r"|SALT|PEPPER"
)
_TELLS_ABOUT = frozenset(
    [
        "ALGO",
        "ALGORITHM",
        "AUDIENCE",
        "COST",
        "DAYS",
        "DRIVER",
        "ENABLED",
        "EXPIRATION",
        "EXPIRE",
        "EXPIRES",
        "EXPIRY",
        "HEADER",
        "ID",
        "IN",
        "ISSUER",
        "LENGTH",
        "LIFETIME",
        "LIMIT",
        "MAX",
        "MIN",
        "MINUTES",
        "NAME",
        "PROVIDER",
        "REGION",
        "RESET",
        "ROUNDS",
        "SECONDS",
        "TIMEOUT",
        "TTL",
        "TYPE",
    ]
)
"""Last words of names that tell something about a secret, and do not hold it: JWT_ACCESS_TOKEN_TTL."""

_CREDENTIALS = re.compile(
    r"://[^/\s@]*:(?!\d+(?:/|$))[^\s@]+@|-----BEGIN [A-Z ]*PRIVATE|\beyJ[\w-]{8,}\.eyJ|\bA[KS]IA[0-9A-Z]{16}\b"
    r"|\b(?:gh[pousr]_|glpat-|[rs]k_live_|xox[abprs]-)\w|\bhooks\.slack\.com/services/|\bdiscord(?:app)?\.com/api/webhooks/"
    r"|\b(?i:password|passwd|pwd|secret|token|accountkey)=[^\s&;]"
)
"""The same as in `onhost/env.py`: what is not shown can't be promised."""
_HOLDS_ONE = (["WEBHOOK", "URL"], ["SECRET", "ID"])
"""Last words of names whose value opens a door by itself: LOG_SLACK_WEBHOOK_URL, VAULT_SECRET_ID."""


def is_secret(key: str) -> bool:
    """Whether a key's name says that its value is a secret: DB_PASSWORD, APP_KEY; not JWT_PUBLIC_KEY."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).upper().replace(".", "_").replace("-", "_").split("_")
    if words[-2:] in _HOLDS_ONE:
        return True
    if words[-1] in _TELLS_ABOUT or words[-2:] == ["PUBLIC", "KEY"]:
        return False
    return any(_SECRETS.fullmatch(word) for word in words)


def _key(name: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,200}", name, re.ASCII):
        raise ValueError(f"{name!r} is no key of a configuration file")
    return name


def _plain_key(name: str) -> str:
    if is_secret(name):
        raise ValueError(f"{name} is a secret, and is not shown; promise it under `secrets`")
    return _key(name)


def _value(value: Value) -> Value:
    if isinstance(value, str) and (len(value) > LONGEST or _CREDENTIALS.search(value)):
        raise ValueError(f"a value of more than {LONGEST} characters or with a password in it can't be shown")
    return value


Key = Annotated[str, AfterValidator(_key)]
PlainKey = Annotated[str, AfterValidator(_plain_key)]
Plain = Annotated[Value, AfterValidator(_value)]
OneOrManyValues = Annotated[
    tuple[Plain, ...], BeforeValidator(one_or_many, json_schema_input_type=Value | tuple[Value, ...])
]


class Secret(Frozen):
    """How strong a secret is. It is there, and none that everybody knows, in any case. It never leaves the host."""

    min_length: int | None = Field(None, ge=1, le=4096, description="So many characters, at least.")
    min_bits: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="So many bits of entropy, at least, as far as its characters tell: 32 random hexadecimal digits "
        "are 128. Words are not known, so this is the most that it can have.",
    )
    base64_bytes: int | None = Field(
        None, ge=1, le=4096, description="It is `base64:` and exactly so many bytes: 32 of Laravel's APP_KEY."
    )
    equals: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="It is this one, by reference: `${env:DB_PASSWORD}`. What is sent to the host is a salted hash.",
        json_schema_extra={BY_REFERENCE: True},
    )
    published: OneOrMany | None = Field(
        None, min_length=1, description="It is none of these, which a guide, an image or a repository tells everybody."
    )


class EnvFile(Expectation):
    """What is promised of one file. Of keys that are given twice, the last one counts."""

    WHERE = frozenset({"path", "reader"})

    path: Place = Field(description="Where it is. Links are followed.", json_schema_extra={PUBLIC: True})
    reader: Reader = Field(
        description="As whom it is read, as they differ in quotes, comments and what `${OTHER}` becomes: Laravel "
        "(phpdotenv 5), Node.js (dotenv), Docker Compose.",
        json_schema_extra={PUBLIC: True},
    )
    has: dict[PlainKey, Plain] | None = Field(
        None,
        min_length=1,
        description='Keys and their values, compared by meaning: `false` is `(false)` and `0` too, `15` is `"15"`.',
    )
    isnt: dict[PlainKey, OneOrManyValues] | None = Field(
        None, min_length=1, description="Keys that are set, and to none of these: `{SMS_PROVIDER: console}`."
    )
    sets: tuple[Key, ...] | None = Field(None, min_length=1, description="Keys that are there and not empty.")
    absent: tuple[Key, ...] | None = Field(None, min_length=1, description="Keys that are not there.")
    secrets: dict[Key, Secret] | None = Field(None, min_length=1, description="Keys whose values are secrets.")
    no_placeholders: Literal[True] | None = Field(
        None,
        description="No value is to be filled in: `<...>`, `changeme`, `your_...`, `xxx`, `${SSM:...}`, `{{...}}`.",
    )
    no_repeats: Literal[True] | None = Field(
        None, description="No key is there twice with different values: people read one, programs take the other."
    )
    mode: Modes | None = Field(
        None,
        min_length=1,
        description='Its mode: `"640"`, `"<= 640"` (no bit beyond these). Not all the world can write its folder.',
    )
    owner: OneOrMany | None = Field(None, min_length=1, description="Whose it is: one of these users.")

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        needed = {*(self.has or ()), *(self.isnt or ()), *(self.sets or ()), *(self.secrets or ())}
        if both := sorted(needed & set(self.absent or ())):
            raise ValueError(f"{both[0]} can't be absent and have a value")
        if both := sorted(({*(self.has or ()), *(self.isnt or ())}) & set(self.secrets or ())):
            raise ValueError(f"{both[0]} is promised as a secret, which is not shown, and as a plain value")
        return self


class Env(Expectation):
    """Promises of configuration files of keys and values. What is in them stays on the host, but for plain values."""

    files: dict[str, EnvFile] | None = Field(
        None, min_length=1, max_length=20, description="The files, each by a name of your own."
    )

    @model_validator(mode="after")
    def _files_differ(self) -> Self:
        paths = [file.path for file in (self.files or {}).values()]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f"{twice} is there twice")
        return self

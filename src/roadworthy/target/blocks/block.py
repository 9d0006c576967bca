"""What every block of promises is, and the field types that blocks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Leave = Literal["bursts", "logins", "attacks", "ports", "large-bodies", "writes", "restores"]
"""What is done only where `network.allows` names it: it may make a server defend itself, or a person look up."""


class Need(NamedTuple):
    """A promise that can be judged only with leave."""

    key: str
    leave: Leave
    sends: str
    """What would be sent to each address, and why that needs leave."""


class Expectation(Frozen):
    """A block of promises; one that promises nothing is refused (an empty expectation verifies nothing)."""

    WHERE: ClassVar[frozenset[str]] = frozenset()
    """Fields that say where to look, not what is promised."""

    def needs(self) -> Iterable[Need]:
        """What judging the block takes that the target must allow."""
        return ()

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        given = self.model_fields_set - self.WHERE
        if all(getattr(self, name) is None or getattr(self, name) is False for name in given):  # 0 is a promise
            fields = (field.alias or name for name, field in type(self).model_fields.items() if name not in self.WHERE)
            raise ValueError(f"this block promises nothing; give at least one of: {', '.join(fields)}")
        return self


def one_or_many(value: Any) -> Any:
    """One value as a tuple of it."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


OneOrMany = Annotated[tuple[str, ...], BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...])]


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path starts with '/'")
    return value


Path = Annotated[str, AfterValidator(_path)]


def _place(value: str) -> str:
    if not value.startswith("/") or "\0" in value:
        raise ValueError("a path on a host starts with '/'")
    return value


Place = Annotated[str, AfterValidator(_place)]
"""A path on a host."""
Status = Annotated[int, Field(ge=100, le=599)]

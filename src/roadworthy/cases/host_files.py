"""Cases of files and trees: one look at all of them, for each kind of promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.files import FilesAsk, FilesObservation, PathWanted, TreeWanted
from roadworthy.rules.files import promises
from roadworthy.target.blocks.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.blocks.files import FilePromise, Tree
    from roadworthy.target.models import Component, Target


def files_ask(target: Target, component: Component) -> FilesAsk:
    """The one look."""
    promised = component.files
    assert promised is not None  # noqa: S101 - the callers have looked
    return FilesAsk(
        **there(target, component),
        paths=tuple(
            PathWanted(
                path=path,
                follow=one.kind not in ("link", "absent"),
                digest=bool(one.sha256),
                contains=one.contains or (),
            )
            for path, one in (promised.paths or {}).items()
        ),
        trees=tuple(TreeWanted(path=path, without=one.without) for path, one in (promised.trees or {}).items()),
        entries=promised.walk_entries,
        within_s=promised.walk_within,
    )


def _only(one: FilePromise | Tree, keys: tuple[str, ...]) -> FilePromise | Tree:
    """The same, less what is not promised by one of the keys."""
    others = (name for name, field in type(one).model_fields.items() if not field.is_required() and name != "without")
    return one.model_copy(update={name: None for name in others if name not in keys})


class FilesCase(Case[Files, FilesAsk, FilesObservation]):
    """All paths and trees."""

    block = "files"
    keys: ClassVar[tuple[str, ...]] = ("kind", "to")
    """One of these must be promised of a path or tree."""
    of: ClassVar[str] = "paths"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Files, FilesAsk]]:
        """One look, where such a promise is made."""
        promised = component.files
        named = (getattr(promised, cls.of) or {}).items() if promised is not None else ()
        if promised is not None and (found := {path: one for path, one in named if promises(one, cls.keys)}):
            kept = {path: _only(one, cls.keys) for path, one in found.items()}
            yield promised.model_copy(update={cls.of: kept}), files_ask(target, component)


class PathOwnerCase(FilesCase):
    """The same, where owners are promised."""

    keys = ("owner", "group")


class PathModeCase(FilesCase):
    """The same, where modes are."""

    keys = ("mode",)


class ContentCase(FilesCase):
    """The same, where it is promised what is in a file."""

    keys = ("sha256", "contains")


class TreesCase(FilesCase):
    """All trees."""

    of = "trees"
    keys: ClassVar[tuple[str, ...]] = ("owner", "group", "folders", "files", "nobody_else_writes")


class TreeOwnerCase(TreesCase):
    """The same, where owners are promised."""

    keys = ("owner", "group")


class TreeModeCase(TreesCase):
    """The same, where modes are."""

    keys = ("folders", "files", "nobody_else_writes")

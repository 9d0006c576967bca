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


class FilesCase(Case[Files, FilesAsk, FilesObservation]):
    """All paths and trees."""

    block = "files"
    keys: ClassVar[tuple[str, ...]] = ()
    """One of these must be promised of a path or tree; none: it need only be named."""
    of: ClassVar[str] = "paths"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Files, FilesAsk]]:
        """One look, where such a promise is made."""
        promised = component.files
        named = (getattr(promised, cls.of) or {}).values() if promised is not None else ()
        if promised is not None and any(not cls.keys or promises(one, cls.keys) for one in named):
            yield promised, files_ask(target, component)


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


class TreeOwnerCase(TreesCase):
    """The same, where owners are promised."""

    keys = ("owner", "group")


class TreeModeCase(TreesCase):
    """The same, where modes are."""

    keys = ("folders", "files", "nobody_else_writes")

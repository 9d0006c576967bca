"""On the host: one file whose text is wanted, whoever it belongs to and however little of it may leave."""

from __future__ import annotations

import os
import stat
from typing import Any

from roadworthy.onhost.files import Names, Nothing, kind_of, resolved
from roadworthy.onhost.ground import FAILED, Unseen, at, read, told

LARGEST = 256 * 1024


def held(path: str, names: Names) -> tuple[str, Any]:
    """Where a path leads to, and what is there, as `facts/files.py` has it; empty and `Absent` where nothing is.

    Raises:
        Unseen: it can't be told.
    """
    try:
        place = resolved(path, last_too=True)
        found = os.lstat(at(place))
    except Nothing as nothing:
        return "", {"absent": str(nothing)}
    except FileNotFoundError:
        return "", {"absent": path}
    except OSError as error:
        raise told(error, path) from error
    owner, group = names.of(found)
    mode = stat.S_IMODE(found.st_mode)
    return place, {"kind": kind_of(found.st_mode), "owner": owner, "group": group, "mode": mode}


def text_of(place: str) -> str:
    """The text of a file that is small enough to be what it is said to be.

    Raises:
        Unseen: it can't be read, or is too large.
    """
    text = read(place, LARGEST + 1)
    if len(text.encode()) > LARGEST:
        raise Unseen(FAILED, "{} is larger than {} KiB".format(place, LARGEST // 1024))
    return text

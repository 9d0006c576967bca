"""JSON bodies: subsets, equality and RFC 9535 queries, every difference told with its place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roadworthy.facts.http import Answer


def read_json(answer: Answer) -> Any:
    """The body, parsed.

    Raises:
        ValueError: it is no JSON.
        NotObserved: it was cut, so that nothing can be said of it.
    """
    if answer.truncated:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the body is over {len(answer.body)} characters and was cut")
    try:
        return answer.parsed()
    except RecursionError as error:
        raise ValueError(f"the body is no JSON that can be read (nested too deeply): {answer.body[:80]!r}") from error
    except ValueError as error:
        why = str(error).partition(";")[0][:100]
        raise ValueError(f"the body is no JSON ({why}): {answer.body[:80]!r}") from error


def subset_faults(answer: Answer, promised: Mapping[str, Any]) -> list[str]:
    """All members that are promised and missing or different; what else is there does not matter."""
    try:
        return list(_differences(read_json(answer), promised, "$", extra=False))
    except ValueError as error:
        return [str(error)]


def equality_faults(answer: Answer, promised: Any) -> list[str]:
    """All in which the body differs from what is promised; the order of members has no meaning."""
    try:
        return list(_differences(read_json(answer), promised, "$", extra=True))
    except ValueError as error:
        return [str(error)]


def query_faults(answer: Answer, promised: Mapping[str, Any]) -> list[str]:
    """All matches of the queries that differ from what is promised, and all queries that match nothing."""
    import jsonpath_rfc9535  # noqa: PLC0415 - costs time to import, and few targets ask queries

    try:
        body = read_json(answer)
    except ValueError as error:
        return [str(error)]
    faults = []
    for query, value in promised.items():
        matches = jsonpath_rfc9535.find(query, body)
        if not matches:
            faults.append(f"{query} matches nothing, promised {_shown(value)}")
        for match in matches:
            faults += _differences(match.value, value, match.path(), extra=True)
    return faults


def text_faults(answer: Answer, promised: str) -> list[str]:
    """Whether the body's text holds what is promised.

    Raises:
        NotObserved: what was read of it does not, and the rest was not read.
    """
    if promised in answer.body:
        return []
    if answer.truncated:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"not in the first {len(answer.body)} characters, and the rest was cut"
        )
    return [f"{promised!r} is not in the answer: {' '.join(answer.body[:100].split())!r}"]


def told_value(answer: Answer, place: str) -> str:
    """The one value at a member's name, or at a query (which starts with `$`), as text.

    Raises:
        ValueError: the body is no JSON, the place holds nothing, or no plain value.
    """
    body = read_json(answer)
    if place.startswith("$"):
        import jsonpath_rfc9535  # noqa: PLC0415 - costs time to import, and few targets ask queries

        found = [match.value for match in jsonpath_rfc9535.find(place, body)]
    else:
        found = [body[place]] if isinstance(body, dict) and place in body else []
    if len(found) != 1 or isinstance(found[0], dict | list | None):
        raise ValueError(f"{place} holds {', '.join(map(_shown, found)) or 'nothing'} in {_shown(body)}")
    return found[0] if isinstance(found[0], str) else json.dumps(found[0])


def _differences(seen: Any, promised: Any, path: str, *, extra: bool) -> Iterator[str]:
    """Each difference as `$.checks.db: "down", promised "ok"`; `extra` tells what was not promised, too."""
    if isinstance(promised, dict) and isinstance(seen, dict):
        for key, value in promised.items():
            if key in seen:
                yield from _differences(seen[key], value, _below(path, key), extra=extra)
            else:
                yield f"{_below(path, key)} is missing, promised {_shown(value)}"
        if extra:
            yield from (
                f"{_below(path, key)}: {_shown(seen[key])}, not promised" for key in seen.keys() - promised.keys()
            )
    elif isinstance(promised, list | tuple) and isinstance(seen, list) and len(promised) == len(seen):
        for index, value in enumerate(promised):
            yield from _differences(seen[index], value, f"{path}[{index}]", extra=extra)
    elif not _equal(seen, promised):
        yield f"{path}: {_shown(seen)}, promised {_shown(promised)}"


def _equal(seen: Any, promised: Any) -> bool:
    """JSON's equality: true is not 1, while 1 is 1.0."""
    return isinstance(seen, bool) is isinstance(promised, bool) and bool(seen == promised)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else f"{path}[{json.dumps(key)}]"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - fits a line

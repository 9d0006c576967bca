"""Promises of files and logs that are refused, each in words that say why."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.files import Files
from roadworthy.target.blocks.logs import Logs

FILE: dict[str, Any] = {"kind": "file"}
SINCE = "2026-11-28T06:00:00Z"


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({}, "promises nothing"),
        ({"walk_entries": 10}, "promises nothing"),
        ({"paths": {}}, "at least 1"),
        ({"paths": {"relative": FILE}}, "starts with '/'"),
        ({"paths": {"/a": {}}}, "kind"),
        ({"paths": {"/a": {"kind": "absent", "mode": "640"}}}, "what is absent has no mode"),
        ({"paths": {"/a": FILE | {"to": "b"}}}, "only a link leads somewhere"),
        ({"paths": {"/a": {"kind": "link", "mode": "777"}}}, "a link has none of its own"),
        ({"paths": {"/a": {"kind": "folder", "contains": "x"}}}, "what is in a file"),
        ({"paths": {"/a": FILE | {"mode": 640}}}, "in quotes"),
        ({"paths": {"/a": FILE | {"mode": "689"}}}, "in quotes"),
        ({"paths": {"/a": FILE | {"mode": "< 640"}}}, "in quotes"),
        ({"paths": {"/a": FILE | {"sha256": "abc"}}}, "pattern"),
        ({"trees": {"/a": {}}}, "give at least one of owner"),
        ({"trees": {"/a": {"owner": "root", "except": ["/vendor"]}}}, "a path from the tree's own folder"),
        ({"trees": {"/a": {"owner": "root", "except": ["a/../b"]}}}, "a path from the tree's own folder"),
        ({"trees": {"/a": {"owner": "root"}}, "walk_within": "2m"}, "less than or equal to 50"),
    ],
)
def test_files_that_are_refused(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Files.model_validate(promised)


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({}, "promises nothing"),
        ({"files": {"a.log": {}}}, "starts with '/'"),
        ({"files": {"/var/*/a.log": {}}}, "may stand in its name alone"),
        ({"files": {"/var/log/": {}}}, "is no file"),
        ({"files": {"/a.log": {"rotated": {}}}}, "give every, or keep"),
        ({"files": {"/a.log": {"zone": "../etc"}}}, "pattern"),
        ({"files": {"/a.log": {"errors": {"since": SINCE}}}}, "at_most"),
        ({"files": {"/a.log": {"errors": {"at_most": 0}}}}, "since"),
        ({"files": {"/a.log": {"errors": {"since": "2026-11-28T06:00:00", "at_most": 0}}}}, "timezone"),
        ({"files": {"/a.log": {"errors": {"since": SINCE, "at_most": 0, "patterns": ["("]}}}}, "no regular expression"),
        ({"units": {"-f": {}}}, "is no name of one"),
        ({"containers": {"a b": {}}}, "is no name of one"),
    ],
)
def test_logs_that_are_refused(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Logs.model_validate(promised)


def test_a_log_that_is_named_is_promised_to_be_there() -> None:
    assert Logs.model_validate({"files": {"/var/log/a.log": {}}}).files


def test_promises_outlive_a_round_trip() -> None:
    paths = {"/a": {"kind": "absent"}, "/b": FILE | {"mode": ["<= 640"], "contains": "x"}}
    promised = Files.model_validate({"paths": paths, "trees": {"/c": {"owner": "root", "except": "vendor"}}})
    assert Files.model_validate_json(promised.model_dump_json(by_alias=True)) == promised

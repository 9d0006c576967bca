"""Suites are collected by path and are no package: `load_suite` gives a suite's module to the tests of its checks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SUITES = Path(__file__).parents[2] / "suites"


def _load(path: str) -> ModuleType:
    name = "suite_under_test_" + path.removesuffix(".py").replace("/", "_")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SUITES / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


@pytest.fixture(scope="session")
def load_suite() -> Callable[[str], ModuleType]:
    """`load_suite("tls/test_certificate.py").test_leaf_has_time_left` is the check function itself."""
    return _load

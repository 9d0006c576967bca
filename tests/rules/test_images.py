from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.rules.images import is_image, parse_image

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io/library/nginx", None, None),
        ("nginx:1.27", "docker.io/library/nginx", "1.27", None),
        ("docker.io/nginx", "docker.io/library/nginx", None, None),
        ("index.docker.io/library/nginx", "docker.io/library/nginx", None, None),
        ("team/app:1", "docker.io/team/app", "1", None),
        ("localhost/app", "localhost/app", None, None),
        ("registry:5000/app", "registry:5000/app", None, None),
        ("registry:5000/team/app:1@" + A, "registry:5000/team/app", "1", A),
        ("ghcr.io/team/app@" + A, "ghcr.io/team/app", None, A),
    ],
)
def test_names(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    assert parse_image(text) == (repository, tag, digest)


@pytest.mark.parametrize(
    ("promised", "named", "digests"),
    [
        ("app", "app:1", ()),
        ("app", "app", ()),
        ("app:latest", "app", ()),
        ("app:1", "docker.io/library/app:1", ()),
        ("app@" + A, "app:1", ("app@" + A,)),
        ("app:1@" + A, "app:1", ("app@" + B, "docker.io/library/app@" + A)),
        ("app@" + A, "app@" + A, ()),
        ("app:1@" + A, "app@" + A, ()),
        ("app", "app@" + A, ()),
    ],
)
def test_the_promised_image(promised: str, named: str, digests: tuple[str, ...]) -> None:
    assert is_image(promised, named, digests)


@pytest.mark.parametrize(
    ("promised", "named", "digests"),
    [
        ("app:1", "app:2", ()),
        ("app:1", "app", ()),
        ("app:1", "app@" + A, ()),
        ("app:1", "other.example/app:1", ()),
        ("app", "application:1", ()),
        ("app@" + A, "app:1", ()),
        ("app@" + A, "app:1", ("app@" + B,)),
        ("app@" + A, "app:1", ("other@" + A,)),
        ("app:2@" + A, "app:1", ("app@" + A,)),
    ],
)
def test_another_image(promised: str, named: str, digests: tuple[str, ...]) -> None:
    assert not is_image(promised, named, digests)


@given(st.text(max_size=40))
def test_any_text_is_a_name(text: str) -> None:
    assert is_image(text, text) or parse_image(text).tag is None or parse_image(text).digest is not None

"""Names of container images: `nginx`, `docker.io/library/nginx:latest` and `nginx@sha256:...` are of one repository."""

from __future__ import annotations

from typing import NamedTuple

HUB = "docker.io"


class ImageName(NamedTuple):
    """A name, taken apart."""

    repository: str
    """With its registry: docker.io/library/nginx."""
    tag: str | None
    digest: str | None


def parse_image(text: str) -> ImageName:
    """What a name says; any text is one."""
    named, _, digest = text.partition("@")
    registry_and_path, _, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    repository = f"{registry_and_path}/{name}" if registry_and_path else name
    first, slash, rest = repository.partition("/")
    if not slash:
        first, rest = HUB, f"library/{repository}"
    elif not ("." in first or ":" in first or first == "localhost"):
        first, rest = HUB, repository
    elif first == f"index.{HUB}":
        first = HUB
    if first == HUB and "/" not in rest:
        rest = f"library/{rest}"
    return ImageName(f"{first}/{rest}", tag or None, digest or None)


def is_image(promised: str, named: str, digests: tuple[str, ...] = ()) -> bool:
    """Whether an image is the promised one, as far as the promise goes.

    Args:
        promised: `app` (any tag), `app:1.2`, `app@sha256:...`, `app:1.2@sha256:...`.
        named: how it was named when the container was created; no tag means `latest`.
        digests: what else it is known by: `app@sha256:...`.
    """
    wanted, seen = parse_image(promised), parse_image(named)
    if wanted.digest is not None:
        known = {(one.repository, one.digest) for one in map(parse_image, (named, *digests))}
        if (wanted.repository, wanted.digest) not in known:
            return False
        return wanted.tag is None or seen.tag is None or wanted.tag == seen.tag
    if wanted.repository != seen.repository:
        return False
    return wanted.tag is None or wanted.tag == (seen.tag or ("latest" if seen.digest is None else None))

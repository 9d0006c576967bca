"""Faults of response headers: each in the nginx server of one component."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import CorsRule, Deployment, Front, Header
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Fault, Where
    from roadworthy.target.blocks.headers import Headers as Promised

_GONE = (
    # fault, the header, its check, the component's key
    ("hsts-gone", "Strict-Transport-Security", "HDR-HSTS", "strict_transport_security"),
    ("xfo-gone", "X-Frame-Options", "HDR-XFO", "x_frame_options"),
    ("nosniff-gone", "X-Content-Type-Options", "HDR-NOSNIFF", "x_content_type_options"),
    ("xxp-gone", "X-XSS-Protection", "HDR-XXP", "x_xss_protection"),
    ("referrer-policy-gone", "Referrer-Policy", "HDR-REFERRER", "referrer_policy"),
    ("permissions-policy-gone", "Permissions-Policy", "HDR-PERMISSIONS", "permissions_policy"),
    ("coop-gone", "Cross-Origin-Opener-Policy", "HDR-COOP", "cross_origin_opener_policy"),
    ("coep-gone", "Cross-Origin-Embedder-Policy", "HDR-COEP", "cross_origin_embedder_policy"),
    ("corp-gone", "Cross-Origin-Resource-Policy", "HDR-CORP", "cross_origin_resource_policy"),
)
_TELLING = ("X-Powered-By", "X-Generator", "X-Backend-Server")


def _where(key: str) -> Where:
    return fronted(promising(f"headers.{key}"))


def _promised(deployment: Deployment, component: str) -> Promised:
    promised = deployment.component(component).headers
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _with_headers(change: Callable[[Header], Header | None], name: str) -> Change:
    """Changes the line of one header; None takes it out."""

    def changed(front: Front) -> Front:
        lines = [change(line) if line.name.lower() == name.lower() else line for line in front.headers]
        return replace(front, headers=tuple(line for line in lines if line is not None))

    return lambda deployment, component: deployment.with_front(component, changed)


def _gone(name: str, header: str, check: str, key: str) -> Fault:
    return fault(
        name, f"nginx no longer sends {header}.", check, where=_where(key), change=_with_headers(lambda _: None, header)
    )


def _other_gone(deployment: Deployment, component: str) -> Deployment:
    name = next(iter(_promised(deployment, component).other or {}))
    return _with_headers(lambda _: None, name)(deployment, component)


def _hsts_always(deployment: Deployment) -> Iterable[str]:
    for name in _where("strict_transport_security")(deployment):
        if _promised(deployment, name).on_errors:
            yield name


def _csp_loosened(line: Header) -> Header:
    first, semicolon, rest = line.value.partition(";")
    return replace(line, value=f"{first} *{semicolon}{rest}")


def _sendable(deployment: Deployment, component: str) -> str | None:
    """The first forbidden header that a server could be told to send (`$` begins a variable in nginx)."""
    forbidden = _promised(deployment, component).absent or ()
    return next((name for name in forbidden if name.replace("-", "").isalnum() and name.lower() != "server"), None)


def _forbids_headers(deployment: Deployment) -> Iterable[str]:
    return (name for name in _where("absent")(deployment) if _sendable(deployment, name))


def _forbidden_sent(deployment: Deployment, component: str) -> Deployment:
    header = Header(_sendable(deployment, component) or "", "yes")
    return deployment.with_front(component, lambda front: replace(front, headers=(*front.headers, header)))


def _version_disclosed(deployment: Deployment, component: str) -> Deployment:
    """`server_tokens on`; where Server itself is forbidden, an application's own header."""
    forbidden = {name.lower() for name in _promised(deployment, component).absent or ()}
    if "server" not in forbidden:
        return deployment.with_front(component, lambda front: replace(front, shows_version=True))
    name = next((name for name in _TELLING if name.lower() not in forbidden), "X-Runtime")
    header = Header(name, "PHP/8.2.14")
    return deployment.with_front(component, lambda front: replace(front, headers=(*front.headers, header)))


def _cors(change: Callable[[CorsRule], CorsRule]) -> Change:
    def changed(front: Front) -> Front:
        assert front.cors is not None  # noqa: S101 - `where` chose it
        return replace(front, cors=change(front.cors))

    return lambda deployment, component: deployment.with_front(component, changed)


FAULTS = (
    *(_gone(*line) for line in _GONE),
    fault(
        "hsts-short",
        "Strict-Transport-Security holds for five minutes only.",
        "HDR-HSTS",
        where=lambda deployment: (
            name
            for name in _where("strict_transport_security")(deployment)
            if (hsts := _promised(deployment, name).strict_transport_security) and hsts.max_age > 300  # noqa: PLR2004 - the fault's own figure
        ),
        change=_with_headers(
            lambda line: replace(line, value="; ".join(("max-age=300", *line.value.split("; ")[1:]))),
            "Strict-Transport-Security",
        ),
    ),
    fault(
        "csp-loosened",
        "The Content-Security-Policy's first directive allows any source.",
        "HDR-CSP",
        where=_where("content_security_policy"),
        change=_with_headers(_csp_loosened, "Content-Security-Policy"),
    ),
    fault(
        "other-header-gone",
        "nginx no longer sends a header that is promised by its own name.",
        "HDR-OTHER",
        where=_where("other"),
        change=_other_gone,
    ),
    fault(
        "forbidden-header-sent",
        "nginx sends a header that must not be sent.",
        "HDR-ABSENT",
        where=_forbids_headers,
        change=_forbidden_sent,
    ),
    fault(
        "version-disclosed",
        "A header tells the version of the software.",
        "HDR-VERSIONS",
        where=_where("hides_versions"),
        change=_version_disclosed,
    ),
    fault(
        "headers-not-on-errors",
        "Strict-Transport-Security lacks `always` in nginx: error pages go without it.",
        "HDR-HSTS",
        where=_hsts_always,
        change=_with_headers(lambda line: replace(line, always=False), "Strict-Transport-Security"),
    ),
    fault(
        "cors-wildcard",
        "CORS allows any origin with `*`.",
        "HDR-CORS",
        where=_where("cors"),
        change=_cors(lambda rule: replace(rule, wildcard=True)),
    ),
    fault(
        "cors-reflects-origin",
        "CORS allows whichever origin asks.",
        "HDR-CORS",
        where=_where("cors"),
        change=_cors(lambda rule: replace(rule, reflects=True)),
    ),
)

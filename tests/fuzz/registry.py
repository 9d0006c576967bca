"""All parsers under test, by name."""

from __future__ import annotations

from tests.fuzz import (
    bodies,
    caches,
    configuration,
    databases,
    headers,
    mail,
    pages,
    releases,
    reports,
    stores,
    targets,
    wires,
)

PARSERS = {
    parser.name: parser
    for parsers in (
        targets,
        releases,
        headers,
        bodies,
        pages,
        mail,
        wires,
        databases,
        caches,
        stores,
        reports,
        configuration,
    )
    for parser in parsers.PARSERS
}

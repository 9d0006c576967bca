"""The PostgreSQL probe against real servers: who gets in, and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.store import Purpose
from tests.probes.postgresql_servers import HOST, Place, placed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("pg")) as made:
        yield made


def test_a_session_says_who_answers_and_who_is_logged_in(place: Place) -> None:
    seen = place.look()
    assert seen.server is not None
    assert (seen.server.product, seen.server.version.split(".")[0]) == ("PostgreSQL", "18")
    assert seen.inside.model_dump(exclude_defaults=True) == {
        "user": "app",
        "database": "shop",
        "writable": True,
        "recovering": False,
        "charset": "UTF8",
        "collation": "C",
    }
    assert (seen.offers_tls, seen.secured, seen.tried, seen.broke) == (False, None, True, None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": "app-pw-not"}, "28P01"),
        ({"purpose": Purpose.WRONG_PASSWORD}, "28P01"),
        ({"purpose": Purpose.PUBLISHED, "published": "postgres"}, "28P01"),
        ({"name": "nowhere"}, "3D000"),
        ({"username": "stranger"}, "28000"),
        ({"username": "stranger", "purpose": Purpose.HELLO}, "28000"),
        ({"password": None}, ""),
        ({"purpose": Purpose.ANONYMOUS}, ""),
        ({"purpose": Purpose.PUBLISHED, "published": ""}, ""),
    ],
)
def test_a_refusal_has_the_servers_own_code(place: Place, fields: dict[str, Any], code: str) -> None:
    seen = place.look(**fields)
    assert seen.session is None
    assert seen.refused is not None
    assert seen.refused.code == code
    assert not seen.refused.told.startswith(" ")
    assert seen.broke is None


@pytest.mark.parametrize("purpose", [Purpose.ANONYMOUS, Purpose.WRONG_PASSWORD, Purpose.SESSION])
def test_a_server_that_trusts_lets_in_whoever_comes(place: Place, purpose: Purpose) -> None:
    assert place.look(username="trusted", purpose=purpose).inside.user == "trusted"


def test_a_password_in_clear_text_is_one_that_can_be_asked_for(place: Place) -> None:
    assert place.look(username="clear").inside.user == "clear"


def test_a_greeting_needs_no_login(place: Place) -> None:
    seen = place.look(purpose=Purpose.HELLO, username="", password=None)
    assert seen.refused is not None  # a stranger, whom this server's rules do not know
    seen = place.look(purpose=Purpose.HELLO, password=None)
    assert (seen.tried, seen.refused, seen.broke, seen.server, seen.offers_tls) == (False, None, None, None, False)
    trusting = place.look(purpose=Purpose.HELLO, username="trusted")
    assert trusting.server is not None


def test_nothing_of_the_environment_is_used(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".pgpass").write_text("*:*:*:*:app-pw\n")
    (tmp_path / ".pgpass").chmod(0o600)
    hostile = {
        "HOME": str(tmp_path),
        "PGPASSFILE": str(tmp_path / ".pgpass"),
        "PGPASSWORD": "app-pw",
        "PGSSLMODE": "verify-full",
        "PGSERVICE": "nowhere",
        "PGOPTIONS": "-c nothing=such",
        "PGREQUIREAUTH": "gss",
        "PGCHANNELBINDING": "require",
        "PGTARGETSESSIONATTRS": "standby",
        "PGCLIENTENCODING": "LATIN1",
        "PGHOST": "nowhere.test",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    assert place.look().inside.user == "app"
    assert place.look(password=None).refused is not None


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_a_login_goes_over_tls_that_verifies(place: Place) -> None:
    seen = place.behind(secures=True)
    assert seen.inside.user == "app"
    assert seen.offers_tls
    assert seen.secured is not None
    assert (seen.secured.version, seen.secured.distrust) == ("1.3", "")


@pytest.mark.parametrize(("names", "trusts"), [(("other.test",), True), ((HOST,), False)])
def test_no_password_is_sent_to_whom_the_certificate_does_not_name(
    place: Place,
    names: tuple[str, ...],
    trusts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    seen = place.behind(*names, trusts=trusts, secures=True)
    assert (seen.tried, seen.session) == (False, None)
    assert "does not verify" in seen.withheld
    assert seen.secured is not None
    assert seen.secured.distrust
    assert place.behind(*names, trusts=trusts, secures=True, purpose=Purpose.WRONG_PASSWORD).refused is not None


def test_where_nothing_is_promised_tls_is_preferred(place: Place) -> None:
    assert place.behind().secured is not None
    assert place.behind("other.test").inside.user == "app"


def test_no_password_is_sent_without_tls_where_it_is_promised(place: Place) -> None:
    seen = place.look(secures=True)
    assert (seen.tried, seen.offers_tls) == (False, False)
    assert "offers no TLS" in seen.withheld


def test_who_comes_in_plain_is_refused_or_asked_for_a_password(place: Place) -> None:
    refused = place.behind(plain=False, purpose=Purpose.PLAIN)
    assert refused.refused is not None
    assert refused.refused.code == "28000"
    assert place.behind(plain=True, purpose=Purpose.PLAIN).refused is None
    assert place.look(purpose=Purpose.PLAIN).broke is None


def test_a_server_out_of_connections_is_not_ready(place: Place) -> None:
    held = []
    try:
        with pytest.raises(Exception, match="slots"):
            held.extend(place_connection(place) for _ in range(30))
        seen = place.look()
    finally:
        for connection in held:
            connection.close()
    assert seen.broke is not None
    assert (seen.broke.end.value, "53300" in seen.broke.detail) == ("not ready", True)


def place_connection(place: Place) -> Any:
    import psycopg  # noqa: PLC0415 - here alone

    return psycopg.connect(host="127.0.0.1", port=place.primary.port, user="app", password="app-pw", dbname="shop")

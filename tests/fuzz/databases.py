"""What reads a database's own words on what a login may do."""

from __future__ import annotations

from hypothesis import strategies as st

from roadworthy.rules import grants
from tests.fuzz.parser import Parser

WORDS = st.sampled_from(
    [
        *("GRANT ", "REVOKE ", "SELECT", "ALL PRIVILEGES", " ON ", " TO ", " FROM ", "*.*", "`a`", "`a``b`", ".", "*"),
        *("@", "'", "`", '"', "(", ")", ", ", "\\", "\\_", " WITH GRANT OPTION", " REQUIRE SSL", "PROXY", "SET "),
    ]
)
STATEMENTS = st.lists(WORDS | st.text(max_size=5), max_size=60).map("".join)
LONG = st.tuples(WORDS, st.integers(1, 4000)).map(lambda drawn: "GRANT " + drawn[0] * drawn[1] + " TO `a`")


def read_grants(line: str) -> None:
    held = grants.read([line, "GRANT USAGE ON *.* TO `a`@`%`"])
    assert all(grant.privileges and "USAGE" not in grant.privileges for grant in held.grants)


PARSERS = (
    Parser("show-grants", read_grants, STATEMENTS | LONG, refuses=(grants.UnreadableError,)),
    Parser("create-user", grants.demands, STATEMENTS | LONG, refuses=(grants.UnreadableError,)),
)

"""Names and patterns of the project file, looked up in a catalog."""

from __future__ import annotations

import pytest

from penstock.devdb.names import find_tables
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import UnknownName
from tests.conftest import MakeDatabase

TABLES = """
CREATE SCHEMA web;
CREATE TABLE cache_a (x text);
CREATE TABLE cache_b (x text);
CREATE TABLE log (x text);
CREATE TABLE web.cache_c (x text);
"""


def test_a_pattern_names_tables_with_their_schema_and_nothing_is_an_error(
    make_database: MakeDatabase,
) -> None:
    with Session.open(make_database(TABLES).settings, read_only=True) as session:
        catalog = reflect(session)

    def named(*patterns: str) -> set[str]:
        return set(map(str, find_tables(catalog, patterns, "skip")))

    assert named("public.cache_*") == {"public.cache_a", "public.cache_b"}
    assert named("*.cache_?", "log") == {"public.cache_a", "public.cache_b", "public.log", "web.cache_c"}
    for nothing in ("cache_*", "public.cash_*"):
        with pytest.raises(UnknownName) as caught:
            named(nothing)
        assert "schema.pattern" in caught.value.hint

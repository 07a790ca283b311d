"""Names and patterns of the project file, looked up in a catalog."""

from __future__ import annotations

import pytest

from penstock.devdb.planning.names import find_table, find_tables
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


def test_an_unknown_table_is_answered_with_the_nearest_one_or_those_there_are(
    make_database: MakeDatabase,
) -> None:
    many = TABLES + "".join(f"CREATE TABLE t{n} (x text);" for n in range(10, 30))
    hints = {}
    for ddl in (TABLES, many, ""):
        with Session.open(make_database(ddl).settings, read_only=True) as session:
            catalog = reflect(session)
        for text in ("logg", "warehouse"):
            with pytest.raises(UnknownName) as caught:
                find_table(catalog, text, "root")
            hints[ddl, text] = caught.value.hint
    assert hints[TABLES, "logg"] == "did you mean 'log'?"
    assert hints[TABLES, "warehouse"] == "there are public.cache_a, public.cache_b, public.log, web.cache_c"
    assert hints[many, "warehouse"].endswith("public.t17, public.t18 and 12 more")
    assert hints["", "warehouse"] == "the database has no tables: is it the right one?"

"""Columns: their types seen through, how their values come about, how they compare."""

from __future__ import annotations

import time

import pytest

from penstock.catalog.model import TableName
from penstock.catalog.types import Family
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.reflect_queries import ATTRIBUTES
from penstock.engines.postgres.session import Session
from tests.engines.postgres.reflect.conftest import has_icu, public, reflected


@pytest.mark.parametrize(
    ("column", "family", "type_name"),
    [
        ("id", Family.INTEGER, "bigint"),
        ("price", Family.NUMERIC, "numeric(10,2)"),
        ("name", Family.TEXT, "character varying(40)"),
        ("tags", Family.ARRAY, "text[]"),
        ("labels", Family.ARRAY, "character varying(5)[]"),
        ("mood", Family.ENUM, "crm.mood"),
        ("moods", Family.ARRAY, "crm.mood[]"),
        ("code", Family.TEXT, "crm.code"),
        ("codes", Family.ARRAY, "crm.codes"),
        ("file", Family.COMPOSITE, "crm.s3"),
        ("files", Family.ARRAY, "crm.s3[]"),
        ("span", Family.RANGE, "daterange"),
        ("spans", Family.RANGE, "datemultirange"),
        ("own_range", Family.RANGE, "crm.spread"),
        ("padded", Family.TEXT, "character(8)"),
        ("flags", Family.BINARY, "bit(4)"),
        ("letter", Family.TEXT, '"char"'),
        ("sysname", Family.TEXT, "name"),
        ("address", Family.NETWORK, "inet"),
        ("at", Family.TIMESTAMP, "timestamp(3) with time zone"),
        ("body", Family.JSON, "jsonb"),
        ("doc", Family.XML, "xml"),
        ("raw", Family.BINARY, "bytea"),
        ("search", Family.SEARCH, "tsvector"),
        ("place", Family.GEOMETRY, "point"),
        ("hardware", Family.MAC, "macaddr8"),
        ("duration", Family.INTERVAL, "interval"),
        ("lsn", Family.OTHER, "pg_lsn"),
    ],
)
def test_every_type_has_its_family_and_its_declared_name(everything, column, family, type_name):
    assert (everything.column(column).type.family, everything.column(column).type.name) == (family, type_name)


def test_types_know_their_length_precision_scale_and_labels(everything):
    types = {column.name: column.type for column in everything.columns}
    assert (types["price"].precision, types["price"].scale) == (10, 2)
    assert (types["rounded"].precision, types["rounded"].scale) == (4, 0)
    assert types["any_numeric"].precision is None
    assert [types[c].length for c in ("name", "padded", "flags", "more_flags", "letter", "sysname")] == [
        40,
        8,
        4,
        9,
        1,
        63,
    ]
    assert types["padded"].is_padded
    assert types["mood"].labels == ("sad", "o'k", "happy")
    assert types["moods"].element.labels == types["mood"].labels
    assert types["labels"].element.length == 5


def test_a_domain_over_a_domain_is_seen_through(everything, catalog):
    code = everything.column("code")
    assert (code.type.typname, code.type.base.typname, code.type.innermost.typname) == (
        "code",
        "short",
        "varchar",
    )
    assert code.type.length == 20
    assert len(code.type.domain_checks) == 2
    assert "upper" in code.type.domain_checks[1]
    assert code.type.domain_not_null
    assert not code.nullable
    codes = everything.column("codes").type
    assert codes.element.typname == "code"
    assert set(catalog.domains) == {TableName("crm", n) for n in ("short", "code", "codes")}


def test_a_composite_type_has_its_fields_in_order(everything, catalog):
    fields = everything.column("file").type.fields
    assert [name for name, _ in fields] == ["bucket", "path", "region"]
    assert (fields[1][1].length, fields[2][1].base.typname) == (100, "short")
    assert everything.column("files").type.element.fields == fields
    assert list(catalog.composites) == [TableName("crm", "s3")]
    assert catalog.enums == {TableName("crm", "mood"): ("sad", "o'k", "happy")}


def test_types_of_extensions_are_seen_through(make_database, postgres):
    if not postgres.maintenance.rows("SELECT FROM pg_available_extensions WHERE name = 'citext'"):
        pytest.skip("this server has no citext")
    catalog = reflected(
        make_database(
            "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE TABLE t (c ext.citext, a ext.citext[])"
        )
    )
    column = catalog.tables[public("t")].column("c")
    assert (column.type.family, column.type.extension, column.type.name) == (
        Family.TEXT,
        "citext",
        "ext.citext",
    )
    assert catalog.tables[public("t")].column("a").type.element.family is Family.TEXT
    assert catalog.extension_schemas["citext"] == "ext"
    assert catalog.extensions["citext"]


def test_columns_know_how_their_values_come_about(everything):
    columns = {column.name: column for column in everything.columns}
    assert (columns["id"].identity, columns["number"].identity) == ("always", "by default")
    assert columns["id"].sequence == "crm.everything_id_seq"
    assert columns["old_style"].sequence == "crm.everything_old_style_seq"
    assert columns["price"].default == "1.50"
    assert columns["full_name"].generated == "stored"
    assert columns["full_name"].default is None
    assert "name" in columns["full_name"].generation_expression
    assert not columns["full_name"].is_stored
    assert "dropped" not in columns
    assert columns["padded"].position == columns["full_name"].position + 2
    assert columns["name"].comment == "who it is"
    assert (columns["name"].nullable, columns["price"].nullable) == (False, True)


def test_collations_are_named_where_they_are_not_the_default(everything):
    assert everything.column("tags").collation is None
    assert everything.column("name").collation == '"pg_catalog"."C"'
    assert everything.column("name").collation_deterministic


def test_a_nondeterministic_collation_says_so(everything, postgres):
    if not has_icu(postgres):
        pytest.skip("this server has no ICU collations")
    assert everything.column("folded").collation == '"crm"."anycase"'
    assert not everything.column("folded").collation_deterministic


def test_a_default_is_read_without_a_look_at_all_columns_of_its_table(make_database):
    """Half as many columns took a sixth of the time; with 1,590 it was 13 s."""
    width = 800
    columns = ", ".join(f"c{n} int DEFAULT {n} + length('a')" for n in range(width))
    generated = "g int GENERATED ALWAYS AS (c1 + 1) STORED"
    database = make_database(f"CREATE TABLE t ({columns}, {generated})")
    started = time.monotonic()
    database.rows("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef")
    by_relation = time.monotonic() - started
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        started = time.monotonic()
        session.fetch(ATTRIBUTES)
        assert time.monotonic() - started < by_relation / 3
        table = reflect(session).tables[public("t")]
    assert table.column("c7").default == "(7 + length('a'::text))"
    assert table.column("g").generation_expression == "(c1 + 1)"

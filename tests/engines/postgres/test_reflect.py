"""What `reflect` finds in a schema that has one of everything (reflected.sql), and in GitLab's."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.catalog.model import ColumnName, TableName
from penstock.catalog.types import Family
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from tests.servers import SHARED_DATA, unique_name

SCRIPT = (Path(__file__).parent / "reflected.sql").read_text()
WITHOUT_ICU = re.sub(r"CREATE COLLATION[^;]*;| COLLATE crm.anycase", "", SCRIPT)


def reflected(database):
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        return reflect(session)


def has_icu(server):
    # A build without ICU knows a collation of it by name, and cannot use it.
    return server.maintenance.value("SELECT count(*) FROM pg_collation WHERE collprovider = 'i'") > 9


def script_for(server):
    return SCRIPT if has_icu(server) else WITHOUT_ICU


@pytest.fixture(scope="module")
def database(postgres):
    database = postgres.create(unique_name("reflected"))
    database.psql(script_for(postgres))
    yield database
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def catalog(database):
    return reflected(database)


@pytest.fixture(scope="module")
def everything(catalog):
    return catalog.tables[TableName("crm", "everything")]


def public(name):
    return TableName("public", name)


def by_name(items, name):
    return next(item for item in items if item.name == name)


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


def test_unique_keys_say_on_what_they_stand(everything):
    assert everything.primary_key.columns == ("id",)
    assert everything.primary_key.is_plain
    lower = by_name(everything.unique_keys, "everything_lower")
    assert (lower.columns, lower.expression_columns, lower.predicate_columns) == (
        ("price",),
        ("name",),
        ("mood", "number"),
    )
    assert len(lower.expressions) == 1
    assert "lower" in lower.expressions[0]
    assert not lower.constraint
    assert not lower.is_plain
    assert by_name(everything.unique_keys, "everything_covering").columns == ("number", "price")
    late = by_name(everything.unique_keys, "late_number")
    assert (late.constraint, late.deferrable, late.initially_deferred) == (True, True, True)
    overlap = by_name(everything.unique_keys, "no_overlap")
    assert (overlap.exclusion, overlap.columns, overlap.predicate_columns) == (True, ("span",), ("number",))
    assert "&&" in overlap.definition


def test_nulls_not_distinct_is_known_where_the_server_has_it(make_database, postgres):
    if int(postgres.maintenance.value("SHOW server_version_num")) < 150000:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    catalog = reflected(make_database("CREATE TABLE t (a int UNIQUE NULLS NOT DISTINCT, b int UNIQUE)"))
    keys = {key.columns: key.nulls_not_distinct for key in catalog.tables[public("t")].unique_keys}
    assert keys == {("a",): True, ("b",): False}


def test_indexes_lead_with_their_plain_columns(everything):
    assert by_name(everything.indexes, "everything_mixed").columns == ("price",)
    assert by_name(everything.indexes, "everything_lower").columns == ()
    assert by_name(everything.indexes, "everything_lower").partial
    assert by_name(everything.indexes, "no_overlap").method == "gist"


def test_a_composite_foreign_key_keeps_the_order_of_its_constraint(catalog):
    turned = by_name(catalog.tables[public("child")].foreign_keys, "turned")
    assert (turned.columns, turned.referenced_columns) == (("y", "x"), ("b", "a"))
    assert turned.operators == ("OPERATOR(pg_catalog.=)",) * 2
    assert (turned.match, turned.on_delete, turned.on_update) == ("full", "cascade", "set null")
    assert (turned.deferrable, turned.initially_deferred, turned.validated) == (True, True, True)
    assert turned.nullable


def test_a_foreign_key_that_is_not_valid_says_so(catalog):
    child = catalog.tables[public("child")]
    unsure = by_name(child.foreign_keys, "unsure")
    assert (unsure.validated, unsure.nullable) == (False, False)
    assert (unsure.on_delete, unsure.on_update, unsure.match) == ("set default", "restrict", "simple")
    assert not by_name(child.checks, "doubtful").validated


def test_checks_name_their_columns(everything, catalog):
    (check,) = everything.checks
    assert set(check.columns) == {"price", "rounded"}
    assert check.definition.startswith("CHECK")
    assert [c.inherited for c in catalog.tables[public("dog")].checks] == [True]


def test_a_declared_foreign_key_of_partitioned_tables_counts_once(catalog):
    edges = [fk for fk in catalog.foreign_keys if fk.table.table.startswith("event_notes")]
    assert [(str(fk.table), str(fk.referenced_table)) for fk in edges] == [
        ("public.event_notes", "public.events")
    ]
    copies = [fk for table in catalog for fk in table.foreign_keys if fk.inherited]
    assert {str(fk.table) for fk in copies} == {"public.event_notes", "public.event_notes_0"}


def test_partitions_know_their_root_their_bound_and_their_key(catalog):
    assert catalog.tables[public("events")].kind == "partitioned"
    assert catalog.tables[public("events")].partition_key == ("at",)
    assert catalog.tables[public("sorted")].partition_key == ("id", "kind")
    assert catalog.tables[public("events_2020")].is_partition
    assert "2020-01-01" in catalog.tables[public("events_2020")].partition_bound
    assert catalog.root_of(public("events_rest_all")) == public("events")
    assert catalog.leaves[public("events")] == (public("events_2020"), public("events_rest_all"))
    assert [i.columns for i in catalog.tables[public("events")].indexes] == [("kind",), ("id", "at")]


def test_inheritance_unlogged_and_foreign_tables_views_and_what_is_left_out(catalog):
    assert catalog.tables[public("dog")].parents == (public("animal"),)
    assert not catalog.tables[public("dog")].is_partition
    assert catalog.leaves[public("animal")] == (public("animal"),)
    assert catalog.tables[public("scratch")].persistence == "unlogged"
    assert "DO INSTEAD NOTHING" in catalog.tables[public("scratch")].rules[0]
    assert catalog.tables[public("far_away")].kind == "foreign"
    assert catalog.tables[TableName("crm", "names")].kind == "view"
    assert "everything" in catalog.tables[TableName("crm", "names")].definition
    assert catalog.tables[TableName("crm", "counted")].kind == "materialized view"
    assert {name.schema for name in catalog.tables} == {"public", "crm"}
    assert public("fleeting") not in catalog.tables
    assert list(catalog.tables) == sorted(catalog.tables)


def test_triggers_say_when_they_fire_and_with_which_arguments(catalog):
    triggers = {t.name: t for t in catalog.tables[public("child")].triggers}
    assert set(triggers) == {"before_insert", "after_update", "whole"}
    assert triggers["before_insert"].arguments == ("x", "it's", "")
    assert triggers["before_insert"].before_row_insert
    assert triggers["before_insert"].function == "public.noted"
    assert not triggers["after_update"].enabled
    assert not triggers["after_update"].before_row_insert
    assert not triggers["whole"].before_row_insert
    assert [t.name for t in catalog.tables[public("events")].triggers] == ["on_events"]
    assert catalog.tables[public("events_2020")].triggers == ()


def test_trigger_arguments_survive_another_encoding_and_quotes_everywhere(make_database):
    database = make_database(
        "CREATE TABLE t (name text);"
        """CREATE FUNCTION "it's" () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"""
        """CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.name <> 'x''y')
           EXECUTE FUNCTION "it's"('größe', '', 'back\\slash', '"', 'EXECUTE FUNCTION f(''z'')');"""
        "CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.name <> 'x') EXECUTE FUNCTION \"it's\"();",
        clause="ENCODING 'LATIN1' LOCALE 'C'",
    )
    first, second = reflected(database).tables[public("t")].triggers
    assert first.arguments == ("größe", "", "back\\slash", '"', "EXECUTE FUNCTION f('z')")
    assert second.arguments == ()


def test_sequences_know_their_bounds_and_their_owner(catalog):
    sequences = {str(s.name): s for s in catalog.sequences}
    tickets = sequences["crm.tickets"]
    assert (tickets.data_type, tickets.start, tickets.increment, tickets.maximum, tickets.cycle) == (
        "smallint",
        7,
        3,
        999,
        True,
    )
    assert tickets.owned_by is None
    assert catalog.tables[public("ticket")].column("id").sequence == "crm.tickets"
    own = TableName("crm", "everything")
    assert sequences["crm.everything_id_seq"].identity
    assert sequences["crm.everything_id_seq"].owned_by == ColumnName(own, "id")
    assert sequences["crm.everything_old_style_seq"].owned_by == ColumnName(own, "old_style")
    assert not sequences["crm.everything_old_style_seq"].identity


def test_estimates_follow_the_size_of_now(catalog):
    parent = catalog.tables[public("parent")]
    assert 9_000 < parent.row_estimate < 11_000  # analysed at 5,000 rows, twice as large since
    assert parent.total_bytes > parent.heap_bytes >= parent.pages * 8192 > 0
    assert catalog.tables[public("animal")].row_estimate is None  # never analysed
    assert (parent.row_security, parent.row_security_forced) == (True, True)
    assert catalog.tables[TableName("crm", "everything")].comment == "one of each"


def test_facts_describe_the_database(database, catalog):
    facts = catalog.facts
    assert facts.name == database.name
    assert facts.server_version == int(database.value("SHOW server_version_num"))
    assert facts.encoding == "UTF8"
    assert facts.system_identifier == str(database.value("SELECT system_identifier FROM pg_control_system()"))
    assert facts.database_oid == database.value(
        "SELECT oid::int8 FROM pg_database WHERE datname = current_database()"
    )
    assert not facts.in_recovery
    assert facts.size_bytes > 1_000_000


def test_settings_of_the_database_are_read(make_database):
    database = make_database()
    database.execute(
        f"ALTER DATABASE {database.name} SET \"DateStyle\" = 'SQL, DMY'",
        f"ALTER DATABASE {database.name} SET work_mem = '9MB'",
    )
    assert reflected(database).facts.settings == {"DateStyle": "SQL, DMY", "work_mem": "9MB"}


def test_a_standby_gives_the_same_catalog(primary, standby, make_database, catch_up):
    database = make_database(script_for(primary), server=primary)
    catch_up()
    there, here = reflected(standby.database(database.name)), reflected(database)
    assert there.facts.in_recovery
    # Visibility maps are not replicated before they say something: from 17 on a primary has empty ones already.
    sizeless = [
        {name: replace(table, total_bytes=0) for name, table in found.tables.items()}
        for found in (there, here)
    ]
    assert sizeless[0] == sizeless[1]
    assert there.sequences == here.sequences


def test_a_role_without_rights_on_the_tables_reflects_all_of_them(database, catalog):
    database.execute(
        "DROP ROLE IF EXISTS penstock_test_nobody", "CREATE ROLE penstock_test_nobody LOGIN PASSWORD 'x'"
    )
    try:
        import dataclasses

        from penstock.project.secret import Secret

        settings = dataclasses.replace(
            database.settings, user="penstock_test_nobody", password=Secret("x", "test")
        )
        with Session.open(settings, read_only=True) as session:
            session.begin_snapshot()
            tables = reflect(session).tables
        assert {name: t.columns for name, t in tables.items()} == {t.name: t.columns for t in catalog}
        assert {name: t.foreign_keys for name, t in tables.items()} == {
            t.name: t.foreign_keys for t in catalog
        }
    finally:
        database.execute("DROP ROLE penstock_test_nobody")


def test_an_extensions_tables_are_marked(make_database, postgres):
    if not postgres.maintenance.rows("SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
        pytest.skip("this server has no contrib extensions")
    catalog = reflected(make_database("CREATE EXTENSION pg_stat_statements; CREATE TABLE own (id int)"))
    marked = {table.name.table: table.extension for table in catalog}
    assert marked["pg_stat_statements"] == "pg_stat_statements"
    assert marked["own"] is None


def test_what_came_with_postgresql_18_is_known(embedded18, make_database):
    catalog = reflected(
        make_database(
            "CREATE TABLE parent (id int PRIMARY KEY);"
            "CREATE TABLE child (id int, half int GENERATED ALWAYS AS (id / 2) VIRTUAL, parent_id int,"
            " CONSTRAINT loose FOREIGN KEY (parent_id) REFERENCES parent NOT ENFORCED);"
            "INSERT INTO child VALUES (NULL, DEFAULT, 1);"
            "ALTER TABLE child ADD CONSTRAINT later NOT NULL id NOT VALID;",
            server=embedded18,
        )
    )
    child = catalog.tables[public("child")]
    assert child.column("half").generated == "virtual"
    assert child.column("id").nullable  # there may be NULLs from before
    (loose,) = child.foreign_keys
    assert (loose.enforced, loose.validated) == (False, False)


def test_the_whole_schema_reflects_the_same_on_postgresql_18(embedded18, make_database, catalog):
    there = reflected(make_database(script_for(embedded18), server=embedded18))
    assert list(there.tables) == list(catalog.tables)
    for name, table in there.tables.items():
        assert [(c.name, c.type.name, c.nullable, c.default, c.generated) for c in table.columns] == [
            (c.name, c.type.name, c.nullable, c.default, c.generated) for c in catalog.tables[name].columns
        ]
        assert [k.name for k in table.all_keys] == [k.name for k in catalog.tables[name].all_keys]
    assert [(fk.name, fk.table) for fk in there.foreign_keys] == [
        (fk.name, fk.table) for fk in catalog.foreign_keys
    ]


def test_gitlab_reflects_with_every_edge(gitlab):
    catalog = reflected(gitlab)
    edges = {
        (fk.table.table, " ".join(fk.columns), fk.referenced_table.table, " ".join(fk.referenced_columns)): fk
        for fk in catalog.foreign_keys
    }
    with gzip.open(SHARED_DATA / "gitlab-schema" / "fk_edges.csv.gz", "rt") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == len(catalog.foreign_keys) == 1679
    for row in expected:
        edge = edges[row["child"], row["child_cols"], row["parent"], row["parent_cols"]]
        assert edge.nullable == (row["nullable"] == "t")
    assert sum(fk.validated for fk in catalog.foreign_keys) == sum(
        row["convalidated"] == "t" for row in expected
    )
    assert len([t for t in catalog if t.kind in ("table", "partitioned") and not t.is_partition]) == len(
        catalog.leaves
    )

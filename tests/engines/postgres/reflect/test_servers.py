"""The same catalog whoever asks, wherever: settings, standby, rights, extensions, PostgreSQL 18, and GitLab's schema."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace

import pytest

from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from tests.engines.postgres.reflect.conftest import public, reflected, script_for
from tests.servers import SHARED_DATA


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
    for name, table in there.tables.items():
        assert abs(table.total_bytes - here.tables[name].total_bytes) <= 2 * 8192, (
            name
        )  # its map and its TOAST's
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

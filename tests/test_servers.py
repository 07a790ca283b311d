"""The test servers themselves: what every other test stands on."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import MakeDatabase
from tests.servers import Database, Server


def test_a_private_database_holds_what_its_script_made(make_database: MakeDatabase) -> None:
    database = make_database("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3);")
    assert database.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,), (3,)]


def test_pagila_is_complete(pagila: Database) -> None:
    assert pagila.value("SELECT count(*) FROM rental") == 16044
    assert pagila.value("SELECT count(*) FROM payment") == 16049


def test_northwind_and_chinook_are_complete(northwind: Database, chinook: Database) -> None:
    assert northwind.value("SELECT count(*) FROM orders") == 830
    assert chinook.value("SELECT count(*) FROM track") == 3503


def test_gitlab_has_all_its_tables(gitlab: Database) -> None:
    count = gitlab.value("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace >= 2200")
    assert count >= 969


def test_a_standby_shows_what_its_primary_wrote(
    primary: Server, standby: Server, make_database: MakeDatabase, catch_up: Callable[[], None]
) -> None:
    written = make_database("CREATE TABLE t AS SELECT 42 AS a", server=primary)
    catch_up()
    seen = standby.database(written.name)
    assert seen.value("SELECT a FROM t") == 42
    assert seen.value("SELECT pg_is_in_recovery()") is True


def test_the_embedded_server_is_18_and_asks_for_the_password(embedded18: Server) -> None:
    maintenance = embedded18.maintenance
    assert str(maintenance.value("SHOW server_version")).startswith("18.")
    assert (
        maintenance.value("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'") == 0
    )

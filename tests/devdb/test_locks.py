"""Somebody holds a table of production, as a migration does: a run gives up in time instead of waiting with its snapshot open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.devdb.schema import dump_schema
from penstock.engines.postgres import session
from penstock.engines.postgres.clients import find_client_tools
from penstock.errors import QueryError
from tests.devdb.conftest import Folder
from tests.devdb.processes import looking
from tests.servers import Database

LIMIT = "300ms"
HELD_SECONDS = (
    10  # longer than a run may wait, and not for ever: then a run that waits all the same is a failed test
)


@pytest.fixture(autouse=True)
def _short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of every session, and of pg_dump, which is told the same."""
    assert session.PINNED["lock_timeout"] == "60s"
    monkeypatch.setattr(session, "PIN_SQL", session.PIN_SQL.replace("'60s'", f"'{LIMIT}'"))
    monkeypatch.setitem(session.PINNED, "lock_timeout", LIMIT)


@contextmanager
def held(database: Database, table: str) -> Iterator[None]:
    with looking(database) as migration:
        migration.ask("BEGIN; SELECT 'begun'")
        migration.ask(f"SET idle_in_transaction_session_timeout = '{HELD_SECONDS}s'; SELECT 'set'")
        assert migration.ask(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'held'") == "held"
        yield


@pytest.fixture
def source(folder: Folder) -> Database:
    """With a table that no row of the copy needs."""
    folder.source.execute("CREATE TABLE public.elsewhere (id int PRIMARY KEY)")
    return folder.source


def test_the_schema_is_not_waited_for_behind_a_migration(source: Database, tmp_path: Path) -> None:
    with session.Session.open(source.settings, read_only=True) as reader:
        reader.begin_snapshot(export=True)
        tools = find_client_tools(source.server.major)
        started = time.monotonic()
        with held(source, "public.elsewhere"), pytest.raises(QueryError) as caught:
            dump_schema(reader, tools, tmp_path, skip={}, unavailable=())
        assert time.monotonic() - started < HELD_SECONDS / 2
        assert caught.value.exit_code == 3
        assert caught.value.what == f"no lock within {LIMIT} while dumping the schema of the source"
        assert "AccessExclusiveLock" in caught.value.hint
        archive, _ = dump_schema(reader, tools, tmp_path, skip={}, unavailable=())
    assert any("TABLE public elsewhere" in entry.description for entry in archive.entries)


def test_a_table_somebody_holds_ends_a_plan_with_what_to_look_for(folder: Folder, source: Database) -> None:
    with held(source, "public.elsewhere"):
        done = folder.run("dev", "plan", "small")
    assert done.code == 3
    assert "no lock in time while reading the catalog" in done.err
    assert "hint: run the command again when that session is done" in done.err
    assert "PEN-3200" in done.err

"""Somebody holds a table of production, as a migration does: a run gives up in time instead of waiting with its snapshot
open, and when the migration ends in time, the run sees all it has done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryFile

import pytest

from penstock.devdb import create
from penstock.devdb.building import build
from penstock.devdb.building.schema import dump_schema
from penstock.engines.postgres import locks, session
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.errors import LOCKED_HINT
from penstock.errors import MigrationWaits, QueryError
from tests.devdb.comparing import WHOLE as WAYS
from tests.devdb.conftest import Folder, MakeRole
from tests.devdb.processes import Looker, looking, running, wait_until
from tests.servers import Database, throw_away_server, usable_programs

LIMIT = "300ms"
HELD_SECONDS = (
    10  # longer than a run may wait, and not for ever: then a run that waits all the same is a failed test
)


@pytest.fixture(autouse=True)
def _short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of every session, and of pg_dump, which is told the same."""
    assert session.PINNED["lock_timeout"] == "60s"
    monkeypatch.setattr(session, "PIN_SQL", session.PIN_SQL.replace("'60s'", f"'{LIMIT}'"))
    assert locks.PATIENCE == "5s"
    monkeypatch.setattr(locks, "PATIENCE", LIMIT)


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


def test_the_schema_is_not_waited_for_behind_a_migration(source: Database) -> None:
    with session.Session.open(source.settings, read_only=True) as reader, TemporaryFile() as file:
        reader.begin_snapshot(export=True)
        tools = find_client_tools(source.server.major)
        started = time.monotonic()
        with held(source, "public.elsewhere"), pytest.raises(MigrationWaits) as caught:
            dump_schema(reader, tools, file, skip={}, unavailable=())
        assert time.monotonic() - started < HELD_SECONDS / 2
        assert caught.value.exit_code == 3
        assert caught.value.what == f"no lock within {LIMIT} while dumping the schema of the source"
        assert "AccessExclusiveLock" in caught.value.hint
        archive, _ = dump_schema(reader, tools, file, skip={}, unavailable=())
    assert any("TABLE public elsewhere" in entry.description for entry in archive.entries)


def test_a_table_somebody_holds_ends_a_plan_with_what_to_look_for(folder: Folder, source: Database) -> None:
    with held(source, "public.elsewhere"):
        done = folder.run("dev", "plan", "small")
    assert done.code == 3
    assert "no lock in time while locking the tables of postgresql://" in done.err
    assert "hint: run the command again when that session is done" in done.err
    assert "PEN-3200" in done.err


# What makes a table empty for every snapshot older than the commit, rows that are there before and after it included.
MIGRATIONS = {
    "a rewrite": "ALTER TABLE public.orders ALTER note TYPE varchar(100)",
    "a truncation": "CREATE TEMP TABLE kept AS TABLE public.orders; TRUNCATE public.orders; "
    "INSERT INTO public.orders TABLE kept",
    "tables that come and go": "ALTER TABLE public.orders ALTER note TYPE varchar(100); "
    "CREATE TABLE public.late (id int PRIMARY KEY); DROP TABLE public.elsewhere",
}
COMMANDS = (("create", "a rewrite"), ("create", "a truncation"), ("create", "tables that come and go"),
            ("refresh", "a rewrite"), ("refresh", "tables that come and go"))  # fmt: skip


def waits(folder: Folder) -> bool:
    """Whether a run waits for a lock on the source."""
    return bool(
        folder.source.server.maintenance.value(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1 "
            "AND application_name = 'penstock dev small'",
            folder.source.name,
        )
    )


@contextmanager
def migrating(database: Database, what: str) -> Iterator[Looker]:
    """The migration is done inside, and not committed."""
    with looking(database) as migration:
        assert migration.ask(f"BEGIN; {what}; SELECT 'done'") == "done"
        yield migration


@pytest.mark.parametrize(("command", "migration"), COMMANDS)
def test_rows_that_a_migration_rewrites_meanwhile_are_all_in_the_copy(
    folder: Folder, source: Database, command: str, migration: str
) -> None:
    if command == "refresh":
        assert folder.run("dev", "create", "small").code == 0
    with (
        migrating(source, MIGRATIONS[migration]) as session_of,
        running(folder, "dev", command, "small") as run,
    ):
        wait_until(lambda: waits(folder))
        session_of.ask("COMMIT; SELECT 'committed'")
        assert run.end() == 0, run.said
    assert folder.made.value("SELECT count(*) FROM public.customer") == 5
    assert folder.made.value("SELECT count(*) FROM public.orders") == 50
    came_and_went = migration == "tables that come and go"
    assert folder.made.value("SELECT to_regclass('public.late') IS NOT NULL") == came_and_went
    assert folder.made.value("SELECT to_regclass('public.elsewhere') IS NULL") == came_and_went


def test_rows_of_a_table_truncated_and_filled_again_meanwhile_can_be_added(
    folder: Folder, source: Database
) -> None:
    assert folder.run("dev", "create", "small").code == 0
    arguments = ("dev", "add", "small", "--root", "public.customer:id = 30")
    with migrating(source, MIGRATIONS["a truncation"]) as session_of, running(folder, *arguments) as run:
        wait_until(lambda: waits(folder))
        session_of.ask("COMMIT; SELECT 'committed'")
        assert run.end() == 0, run.said
    assert folder.made.value("SELECT count(*) FROM public.orders") == 60


def test_nobody_can_rewrite_a_table_while_a_run_reads(source: Database) -> None:
    with session.Session.open(source.settings, read_only=True) as reader:
        reader.begin_snapshot(export=True, locked=True)
        with looking(source) as migration:
            migration.ask(f"SET lock_timeout = '{LIMIT}'; SELECT 'set'")
            migration.ask("TRUNCATE public.elsewhere; SELECT 'gave up'")
        assert reader.fetchval("SELECT count(*) FROM public.orders") == 400


@contextmanager
def waiting(database: Database, statement: str) -> Iterator[Future[object]]:
    """A migration that waits for a lock inside, and is the hint's to find; its end."""
    which = LOCKED_HINT.partition("waits for it: ")[2]
    pool = ThreadPoolExecutor(1)
    migration: Future[object] = pool.submit(database.psql, statement)
    pool.shutdown(wait=False)  # who it waits for may be closed after this block
    wait_until(lambda: (False, "orders", statement) in [(g, r, q) for _, g, r, q in database.rows(which)])
    yield migration


def test_who_reads_beside_does_not_wait_behind_a_migration_for_long(source: Database) -> None:
    with (
        session.Session.open(source.settings, read_only=True) as reader,
        session.Session.open(source.settings, read_only=True) as beside,
    ):
        reader.begin_snapshot(export=True, locked=True)
        beside.begin_snapshot(reader.snapshot_id)
        beside.lock_beside(["public.customer"])
        assert beside.fetchval("SHOW lock_timeout") == LIMIT
        with waiting(source, "ALTER TABLE public.orders ADD COLUMN late int") as migration:
            assert beside.fetchval("SELECT count(*) FROM public.customer") > 0
            with pytest.raises(QueryError) as caught:
                beside.lock_beside(["public.customer", "public.orders"])
            assert not migration.done()
            beside.close()
            reader.close()
            migration.result(10)
    assert "a migration waits for a table of postgresql://" in caught.value.what
    assert caught.value.hint == LOCKED_HINT


Migrations = list[Future[object]]


@pytest.fixture
def coming(source: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str, int], Migrations]:
    """Have migrations of the source begin to wait for the run whenever it calls this function of a module, so many times."""

    def come(module: object, name: str, times: int) -> Migrations:
        called, begun = getattr(module, name), Migrations()

        def disturbed(*arguments: object, **named: object) -> object:
            done = called(*arguments, **named)
            if len(begun) < times:
                with waiting(source, f"ALTER TABLE public.orders ADD late{len(begun)} int") as migration:
                    begun.append(migration)
            return done

        monkeypatch.setattr(module, name, disturbed)
        return begun

    return come


# What has just been done when a migration comes in between: nobody can lock the table behind it.
MOMENTS = {
    "the plan, before the schema": (create, "prepare", WAYS["subset"], ()),
    "the schema, before the workers": (build, "restore_tables", WAYS["clone"], ("--jobs", "2")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_migration_that_comes_between_the_locks_and_who_needs_them_too_is_let_pass(
    moment: str,
    folder: Folder,
    coming: Callable[[object, str, int], Migrations],
) -> None:
    module, name, devdb, options = MOMENTS[moment]
    folder.write(devdb=devdb)
    migrations = coming(module, name, 1)
    done = folder.run("dev", "create", "small", *options)
    assert done.code == 0, done.err
    assert "again: a migration of the source was let pass, restart 1 of 2" in done.err
    assert "restart 2" not in done.err
    for migration in migrations:
        migration.result(10)
    assert folder.made.value("SELECT count(late0) FROM public.orders") == 0, "the column is there"
    assert folder.names() == [folder.database]


def test_migrations_that_keep_coming_end_the_run_with_nothing_left_and_it_can_be_repeated(
    folder: Folder, coming: Callable[[object, str, int], Migrations]
) -> None:
    folder.write(devdb=WAYS["subset"])
    migrations = coming(create, "prepare", 3)
    done = folder.run("dev", "create", "small")
    assert done.code == 3, done.err
    assert "PEN-3800" in done.err
    assert "a migration of the source was let pass 3 times" in done.err
    assert "hint: run the command again when that session is done" in done.err
    for migration in migrations:
        migration.result(10)
    assert folder.names() == []
    assert folder.run("dev", "create", "small").code == 0


REINDEX = "REINDEX INDEX public.orders_pkey"


def test_an_index_that_is_rebuilt_meanwhile_is_waited_for_in_vain_no_longer_than_a_table(
    folder: Folder, source: Database
) -> None:
    folder.write(devdb=WAYS["clone"])
    with migrating(source, REINDEX):
        done = folder.run("dev", "create", "small")
    assert done.code == 3, done.err
    assert "error: no lock in time while " in done.err
    assert "as a migration or a REINDEX does" in done.err
    assert folder.names() == []


def test_a_role_that_is_more_patient_waits_as_long_as_it_says(
    folder: Folder, source: Database, make_role: MakeRole
) -> None:
    role, password = make_role()
    source.execute(f"GRANT pg_read_all_data TO {role}")
    folder.write(devdb=WAYS["clone"])
    folder.log_in_as("prod", role, password)
    settings = folder.project.settings.only_connection("source", None)
    for limit, expected in (("5s", LIMIT), ("10min", "10min")):
        source.execute(f"ALTER ROLE {role} SET lock_timeout = '{limit}'")
        with session.Session.open(settings, read_only=True) as reader:
            reader.begin_snapshot(locked=True)
            reader.lock_beside(["public.customer"])
            assert reader.fetchval("SHOW lock_timeout") == expected
    with migrating(source, REINDEX) as rebuilding, ThreadPoolExecutor(1) as pool:
        run = pool.submit(folder.run, "dev", "create", "small")
        wait_until(lambda: waits(folder))
        time.sleep(0.6)
        assert not run.done()
        rebuilding.ask("COMMIT; SELECT 'committed'")
        assert run.result().code == 0, run.result().err


def test_tables_that_never_stand_still_end_with_an_error(
    source: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is made between the list and the locks, each time."""
    names = iter(range(10))

    async def disturbed(connection, pin, begin_one, database):  # type: ignore[no-untyped-def]
        async def disturb() -> None:
            source.execute(f"CREATE TABLE public.late{next(names)} ()")
            await begin_one()

        await locks.begin_behind_locks(connection, pin, disturb, database)

    monkeypatch.setattr(session, "begin_behind_locks", disturbed)
    with (
        session.Session.open(source.settings, read_only=True) as reader,
        pytest.raises(QueryError) as caught,
    ):
        reader.begin_snapshot(export=True, locked=True)
    assert caught.value.exit_code == 3
    assert "change faster than they can be locked" in caught.value.what
    assert next(names) == 3


def test_what_this_role_may_not_read_is_not_locked(
    folder: Folder, source: Database, make_role: MakeRole
) -> None:
    role, password = make_role()
    source.execute(
        'CREATE SCHEMA "Odd; ""one"; CREATE TABLE "Odd; ""one"."a.b" (); CREATE TABLE public.closed ()',
        f'GRANT USAGE ON SCHEMA "Odd; ""one" TO {role}; GRANT SELECT ON "Odd; ""one"."a.b" TO {role}',
    )
    folder.log_in_as("prod", role, password)
    settings = folder.project.settings.only_connection("source", None)
    with session.Session.open(settings, read_only=True) as reader:
        reader.begin_snapshot(locked=True)
        locked = reader.fetch(
            "SELECT relation::regclass::text AS name FROM pg_catalog.pg_locks "
            "WHERE pid = pg_backend_pid() AND relation >= 16384::oid"
        )
    assert [row["name"] for row in locked] == ['"Odd; ""one"."a.b"']


def test_a_thousand_tables_are_locked_at_once(source: Database) -> None:
    source.execute("DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE 'CREATE TABLE public.many' || n || ' ()'; "
                   "IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$")  # fmt: skip
    with session.Session.open(source.settings, read_only=True) as reader:
        started = time.monotonic()
        reader.begin_snapshot(export=True, locked=True)
        assert time.monotonic() - started < 5
        held_now = (
            "SELECT count(*) FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384::oid"
        )
        assert reader.fetchval(held_now) == 1004


def test_a_server_without_room_for_the_locks_is_told_what_to_raise() -> None:
    few = {"max_connections": "10", "max_locks_per_transaction": "10"}
    with throw_away_server(usable_programs(), options=few) as server:
        server.create("crowded")
        crowded = server.database("crowded")
        crowded.psql(
            "DO $$ BEGIN FOR n IN 1..2000 LOOP EXECUTE 'CREATE TABLE public.many' || n || ' ()'; "
            "IF n % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$"
        )
        with (
            session.Session.open(crowded.settings, read_only=True) as reader,
            pytest.raises(QueryError) as caught,
        ):
            reader.begin_snapshot(export=True, locked=True)
    assert "no room for the locks of 2000 tables" in caught.value.what
    assert "max_locks_per_transaction" in caught.value.hint

"""`strategy = "clone"`: every row of every table, masked, by several workers."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from penstock.devdb import labour
from penstock.devdb.clone.station import prepare_target
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder, MakeRole
from tests.devdb.held_stages import SLOW_SHOP, held
from tests.devdb.processes import running, wait_until
from tests.devdb.small_shop import MASKS, SHOP
from tests.devdb.test_hard_schemas import EMAIL_KEY, EMAIL_KEY_MASKS
from tests.servers import Database, throw_away_server, usable_programs

CLONE = 'strategy = "clone"\n'


def contents(database: Database, tables: list[str]) -> dict[str, object]:
    """Per table its number of rows, and a sum over their texts whatever their order."""
    return {
        table: database.rows(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")[0]
        for table in tables
    }


def tables_of(database: Database) -> list[str]:
    rows = database.rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'penstock') ORDER BY 1"
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_clone_has_every_row_of_the_shop(
    make_database: MakeDatabase, make_folder: MakeFolder, jobs: str
) -> None:
    source = make_database(SHOP)
    folder = make_folder(source, CLONE, MASKS)
    done = folder.run("dev", "create", "small", "--jobs", jobs)
    assert done.code == 0, done.err
    counts = {t: c[0] for t, c in contents(source, tables_of(source)).items()}
    assert {t: c[0] for t, c in contents(folder.made, tables_of(folder.made)).items()} == counts


@pytest.mark.parametrize("sample", ["pagila", "northwind", "chinook"])
def test_unmasked_tables_of_a_sample_arrive_row_for_row_and_all_that_holds_them_too(
    sample: str, make_folder: MakeFolder, request: pytest.FixtureRequest
) -> None:
    source: Database = request.getfixturevalue(sample)
    folder = make_folder(source, CLONE + 'unclassified = "refuse"\n', kept(source))
    done = folder.run("dev", "create", "small", "--jobs", "2", "--vacuum", "analyze")
    assert done.code == 0, done.err
    assert contents(folder.made, tables_of(folder.made)) == contents(source, tables_of(source))
    for what in (CONSTRAINTS, INDEXES):
        assert folder.made.rows(what) == source.rows(what)


CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
 WHERE connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'penstock') ORDER BY 1, 2, 3
"""
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), indisvalid, indisprimary, indisunique, indisclustered,
       indisreplident, indimmediate
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema', 'penstock') ORDER BY 1
"""


def kept(source: Database) -> str:
    """masks.toml that keeps every column."""
    lines: dict[str, list[str]] = {}
    for table, column in source.rows(
        "SELECT format('%s.%s', table_schema, table_name), column_name FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'"
    ):
        lines.setdefault(table, []).append(f'"{column}" = "keep"')
    return "\n".join(f"[{table}]\n" + "\n".join(columns) for table, columns in lines.items())


def test_a_source_that_lets_few_connect_is_copied_by_few(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role("IN ROLE pg_read_all_data CONNECTION LIMIT 2")
    folder = make_folder(source, CLONE, MASKS)
    folder.log_in_as("prod", user, password)
    done = folder.run("dev", "create", "small", "--jobs", "4")
    assert done.code == 0, done.err
    assert "1 of 4 workers could connect" in done.err
    assert folder.made.value("SELECT count(*) FROM orders") == 400
    source.server.maintenance.execute(f"ALTER ROLE {user} CONNECTION LIMIT 1")
    refused = folder.run("dev", "refresh", "small", "--jobs", "2")
    assert refused.code == 3
    assert "too many connections" in refused.err
    assert "two connections at once" in refused.err
    assert folder.names() == [folder.database]


@pytest.mark.parametrize(("limit", "working"), [(3, 1), (4, 1), (8, 2)])
def test_a_target_that_lets_few_connect_keeps_room_for_pg_restore(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, limit: int, working: int
) -> None:
    """The source is on the same server, where workers have a connection each, too."""
    source = make_database(SHOP)
    user, password = make_role(f"CREATEDB CONNECTION LIMIT {limit}")
    folder = make_folder(source, CLONE, MASKS)
    folder.log_in_as("dev", user, password)
    done = folder.run("dev", "create", "small", "--jobs", "4")
    assert done.code == 0, done.err
    assert f"{working} of 4 workers: the target lets no more connect" in done.err
    assert folder.made.value("SELECT count(*) FROM orders") == 400


def test_how_many_must_connect_to_a_target_is_said(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role("CREATEDB CONNECTION LIMIT 2")
    folder = make_folder(source, CLONE, MASKS)
    folder.log_in_as("dev", user, password)
    refused = folder.run("dev", "create", "small")
    assert refused.code == 3
    assert "too many connections for role" in refused.err
    assert "a copy needs three connections at once on the target" in refused.err
    assert folder.names() == []


def test_by_default_no_more_work_than_the_target_has_room_for(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_database(SHOP)
    user, password = make_role("CREATEDB CONNECTION LIMIT 4")
    folder = make_folder(source, CLONE, MASKS)
    folder.log_in_as("dev", user, password)
    monkeypatch.setattr(labour, "_LEAST_BYTES", 0)
    monkeypatch.setattr(labour, "processors", lambda: 4)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.made.value("SELECT count(*) FROM orders") == 400


# Two tables whose rows a test holds back, one for each worker; what is smaller comes after them.
HELD = (
    SLOW_SHOP
    + """
CREATE TABLE public.early (id int PRIMARY KEY, page public.slow, word text);
INSERT INTO public.early SELECT n, '/page', repeat('w', 1000) FROM generate_series(1, 100) n;
CREATE TABLE public.other AS TABLE public.early;
ANALYZE;
"""
)
BOTH_ARE_HELD = (
    "SELECT (count(*) = 2)::int FROM pg_stat_activity WHERE datname LIKE $1 AND query SIMILAR TO "
    "'COPY%(early|other)%'"
)


def test_a_migration_waits_for_a_clone_and_no_worker_for_the_migration(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(HELD)
    folder = make_folder(source, CLONE, kept(source))
    waits = "SELECT count(*) FROM pg_locks WHERE relation = 'public.country'::regclass AND NOT granted"
    with ExitStack() as holding, ThreadPoolExecutor(1) as pool:
        holding.enter_context(held(folder, "rows"))
        with running(folder, "dev", "create", "small", "--jobs", "2") as run:
            run.wait_for(BOTH_ARE_HELD)
            migration = pool.submit(source.psql, "ALTER TABLE public.country ADD COLUMN late int")
            wait_until(lambda: source.value(waits))
            holding.close()
            assert run.end() == 0, run.said
        migration.result(10)
    assert source.value("SELECT count(late) FROM country") == 0, "the migration came through"
    for table in ("country", "customer", "orders", "early", "other", "visit"):
        count = f"SELECT count(*) FROM public.{table}"
        assert folder.made.value(count) == source.value(count)


def test_what_the_source_has_no_room_to_lock_is_read_by_fewer_or_not_at_all(make_folder: MakeFolder) -> None:
    few = {"max_connections": "10", "max_locks_per_transaction": "16"}
    with throw_away_server(usable_programs(), options=few) as server:
        server.create("crowded")
        source = server.database("crowded")
        for number in range(30):
            source.execute(
                f"CREATE TABLE public.many{number} (id int PRIMARY KEY)",
                f"INSERT INTO public.many{number} VALUES (1)",
            )
        folder = make_folder(source, CLONE, kept(source))
        done = folder.run("dev", "create", "small", "--jobs", "4")
        assert done.code == 0, done.err
        assert re.search(
            r"^[23] of 4 workers: the source's table of locks has no room for 30 tables",
            done.err,
            re.MULTILINE,
        )
        assert contents(folder.made, tables_of(folder.made)) == contents(source, tables_of(source))
        for number in range(30):
            source.execute(
                *(f"CREATE INDEX ON public.many{number} (id) WHERE id > {bound}" for bound in range(9))
            )
        for command in (("plan", "small"), ("refresh", "small")):
            done = folder.run("dev", *command)
            assert done.code == 4, done.err
            assert "more locks, and this run would take 3" in done.out + done.err
            assert "ALTER SYSTEM SET max_locks_per_transaction = 64;" in done.out + done.err


def test_a_time_limit_of_the_source_does_not_cut_a_worker(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(
        "CREATE TABLE big (id int PRIMARY KEY, word text); "
        "INSERT INTO big SELECT n, md5(n::text) FROM generate_series(1, 400000) n; ANALYZE;"
    )
    user, password = make_role("IN ROLE pg_read_all_data")
    source.server.maintenance.execute(f"ALTER ROLE {user} SET statement_timeout = '150ms'")
    folder = make_folder(source, CLONE, '[public.big]\nword = "keep"\n')
    folder.log_in_as("prod", user, password)
    done = folder.run("dev", "create", "small", "--jobs", "2")
    assert done.code == 0, done.err
    assert contents(folder.made, ["public.big"]) == contents(source, ["public.big"])


def test_a_clone_can_be_added_to_asked_verified_and_refreshed(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP)
    folder = make_folder(source, CLONE + 'empty = ["public.country"]\n', MASKS)
    refused = folder.run("dev", "create", "small")
    assert refused.code == 4, "its customers must have a country"
    folder.write(devdb=CLONE)
    assert folder.run("dev", "create", "small").code == 0
    source.execute(
        "INSERT INTO customer (name, nick, country) VALUES ('Zebulon Quartermaine', 'zebquart', 'AT')",
        "INSERT INTO orders (customer_id, note, amount) VALUES (41, 'for Quartermaine', 7000)",
    )
    added = folder.run("dev", "add", "small", "--root", "public.orders:amount = 7000")
    assert added.code == 0, added.err
    assert folder.made.value("SELECT count(*) FROM customer") == 41
    told = folder.run("dev", "why", "small", "public.customer", "3")
    assert told.code == 0, told.err
    assert "a clone has every row of public.customer" in told.out
    assert folder.run("dev", "verify", "small").code == 0
    refreshed = folder.run("dev", "refresh", "small", "--jobs", "2", "--vacuum", "full")
    assert refreshed.code == 0, refreshed.err
    assert folder.made.value("SELECT count(*) FROM orders") == 401


HEIRS = """
CREATE TABLE public.contact (id int PRIMARY KEY, word text);
CREATE TABLE public.contact_new () INHERITS (public.contact);
CREATE TABLE public.kind (code text PRIMARY KEY);
CREATE TABLE public.thing (id int PRIMARY KEY, kind text REFERENCES public.kind, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE INDEX ON public.thing (kind);
INSERT INTO public.contact SELECT n, 'a' FROM generate_series(1, 50) n;
INSERT INTO public.contact_new SELECT n, 'b' FROM generate_series(51, 90) n;
INSERT INTO public.kind VALUES ('x');
INSERT INTO public.thing SELECT n, 'x', int4range(n, n + 1) FROM generate_series(1, 40) n;
ANALYZE;
"""


def test_keys_of_empty_tables_and_heirs_and_exclusions_are_no_special_case(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(HEIRS)
    folder = make_folder(source, CLONE + 'empty = ["public.kind"]\n', kept(source))
    done = folder.run("dev", "create", "small", "--jobs", "3", "--vacuum", "full")
    assert done.code == 0, done.err
    assert folder.made.rows(CONSTRAINTS) == source.rows(CONSTRAINTS)
    assert folder.made.rows("SELECT count(*), count(kind) FROM thing") == [(40, 0)]
    assert folder.made.value("SELECT count(*) FROM contact") == 90
    analysed = "SELECT count(*) FROM pg_stats WHERE tablename = 'contact' AND inherited"
    assert folder.made.value(analysed) == 2


def test_a_plan_of_a_clone_says_what_is_estimated_and_refuses_roots(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + "CREATE TABLE public.fresh AS SELECT n AS id FROM generate_series(1, 9) n;")
    folder = make_folder(source, CLONE, MASKS)
    planned = folder.run("dev", "plan", "small", "--json")
    assert planned.code == 0, planned.err
    tables = {t["table"]: (t["rows"], t["exact"], t["role"]) for t in planned.json["tables"]}
    assert tables["public.orders"] == (400, False, "clone")
    assert tables["public.fresh"] == (9, True, "clone"), "never analysed, so counted"
    folder.write(devdb=CLONE + '[[devdb.small.root]]\ntable = "public.customer"\n')
    refused = folder.run("dev", "plan", "small")
    assert refused.code == 2
    assert "its strategy is clone" in refused.err


def test_workers_mask_as_the_command_itself_does(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(EMAIL_KEY)
    real = '[[devdb.small.real]]\ntable = "public.account"\nwhere = "email = \'person10@mail.example\'"\n'
    folder = make_folder(source, CLONE + real, EMAIL_KEY_MASKS)
    assert folder.run("dev", "create", "small", "--jobs", "1").code == 0
    alone = contents(folder.made, tables_of(folder.made))
    assert alone["public.account"] != contents(source, ["public.account"])["public.account"]
    assert folder.made.value("SELECT count(*) FROM account WHERE email = 'person10@mail.example'") == 1
    refreshed = folder.run("dev", "refresh", "small", "--jobs", "3")
    assert refreshed.code == 0, refreshed.err
    assert contents(folder.made, tables_of(folder.made)) == alone


def test_no_time_limit_of_the_target_holds_for_a_worker_and_no_memory_is_taken_away(
    make_database: MakeDatabase,
) -> None:
    database = make_database("SELECT 1")
    settings = replace(database.settings, role="target")
    for server_kilobytes, given in (("64MB", "256MB"), ("1GB", "1GB")):
        database.server.maintenance.execute(
            f"ALTER DATABASE \"{database.name}\" SET statement_timeout = '1min'",
            f"ALTER DATABASE \"{database.name}\" SET maintenance_work_mem = '{server_kilobytes}'",
        )
        with Session.open(settings, read_only=False) as target:
            assert target.fetchval("SHOW statement_timeout") == "1min"
            prepare_target(target)
            assert target.fetchval("SHOW statement_timeout") == "0"
            assert target.fetchval("SHOW maintenance_work_mem") == given

"""Pruned in place, a database holds exactly the closure: the hard schemas, by each way of getting there."""

from __future__ import annotations

import time

import pytest

from penstock.devdb.config import DeleteSettings, DevdbSettings, RootSettings
from penstock.devdb.prune.crew import Station, prepare
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase
from tests.devdb.closure.closures import SCHEMAS
from tests.devdb.prune.pruning import content, copied, pruned, subset_of
from tests.devdb.test_hard_schemas import TABLES
from tests.servers import Database, Server

NAMES = sorted(path.stem for path in SCHEMAS.glob("*.sql"))


def hard(name: str, postgres: Server, make_database: MakeDatabase) -> Database:
    if name == "collations" and postgres.major >= 18:
        pytest.skip("PostgreSQL 18 refuses a foreign key between these collations")
    return make_database((SCHEMAS / f"{name}.sql").read_text(encoding="utf-8") + "\nANALYZE;")


WAYS = ("delete", "rewrite")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_is_the_closure_of_the_roots(
    name: str, postgres: Server, make_database: MakeDatabase
) -> None:
    assert_leaves_the_closure(hard(name, postgres, make_database), roots=2, jobs=1)


# What reaches another process is a description with rows and names: what is odd about these.
@pytest.mark.parametrize("name", ["hostile_names", "interlocking_cycles", "keys_of_all_kinds", "partitions"])
def test_workers_of_their_own_leave_the_same(
    name: str, postgres: Server, make_database: MakeDatabase
) -> None:
    assert_leaves_the_closure(hard(name, postgres, make_database), roots=1, jobs=2)


def assert_leaves_the_closure(database: Database, *, roots: int, jobs: int) -> None:
    """By either way, from each of so many roots."""
    before = constraints(database)
    assert before
    taken = set()
    for _, table, _ in database.rows(TABLES)[:roots]:
        settings = DevdbSettings(strategy="prune", root=(RootSettings(table, limit=1),))
        expected = subset_of(database, settings)
        for way in WAYS:
            with copied(database) as copy:
                taken |= set(pruned(copy, settings, way=way, jobs=jobs))
                assert content(copy) == expected
                assert constraints(copy) == before
    assert taken.issuperset(WAYS), "no table of which some rows go: the test shows nothing"


FAR = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere;
CREATE TABLE contact (id int PRIMARY KEY, note text);
INSERT INTO contact SELECT n, 'x' FROM generate_series(1, 100) n;
CREATE FOREIGN TABLE contact_far () INHERITS (contact) SERVER nowhere;
CREATE TABLE visit (id int, contact int REFERENCES contact, day int) PARTITION BY RANGE (day);
CREATE TABLE visit_near PARTITION OF visit FOR VALUES FROM (0) TO (50);
INSERT INTO visit SELECT n, n, n % 50 FROM generate_series(1, 100) n;
"""


@pytest.mark.parametrize("vacuum", ["full", "analyze"])
@pytest.mark.parametrize("way", ["delete", "rewrite"])
def test_no_statistics_are_asked_of_another_server(
    way: str, vacuum: str, make_database: MakeDatabase
) -> None:
    database = make_database(FAR)
    rule = (DeleteSettings("public.contact", "id > 40"),)
    with copied(database) as copy:
        pruned(copy, DevdbSettings(strategy="prune", delete=rule), way=way, vacuum=vacuum)
        assert copy.value("SELECT count(*) FROM ONLY contact") == 40
        assert copy.value("SELECT count(*) FROM visit") == 40
        described = "SELECT count(*) FROM pg_stats WHERE tablename = 'visit'"
        assert copy.value(described), "the others have their statistics"


def constraints(database: Database) -> list[tuple[object, ...]]:
    """Every constraint with its state. A key's copies for partitions are named anew; what they say is compared."""
    return sorted(
        database.rows(
            "SELECT conrelid::regclass::text, CASE WHEN conparentid = 0 THEN conname::text ELSE '' END, "
            "contype::text, convalidated, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        )
    )


@pytest.mark.parametrize("sample", ["pagila", "northwind"])
def test_a_real_database_keeps_the_closure(
    sample: str, make_database: MakeDatabase, request: pytest.FixtureRequest
) -> None:
    root = {"pagila": "public.customer", "northwind": "public.orders"}[sample]
    settings = DevdbSettings(strategy="prune", root=(RootSettings(root, percent=5),))
    database: Database = request.getfixturevalue(sample)
    with copied(database) as copy:
        ways = pruned(copy, settings, jobs=2)
        assert {"keep", "delete"} & set(ways)
        assert content(copy) == subset_of(database, settings)
        assert constraints(copy) == constraints(database)


def test_limits_of_a_role_cut_no_worker_and_none_waits_for_the_others_in_vain(
    make_database: MakeDatabase,
) -> None:
    database = make_database((SCHEMAS / f"{NAMES[0]}.sql").read_text(encoding="utf-8"))
    limits = (
        "lock_timeout",
        "statement_timeout",
        "idle_session_timeout",
        "idle_in_transaction_session_timeout",
    )
    with copied(database) as copy:
        for limit in limits:
            copy.execute(f"ALTER DATABASE {copy.name} SET {limit} = '40ms'")
        settings = copy.settings_as("target")
        with Session.open(settings, read_only=False, database=copy.name) as session:
            prepare(session)
            time.sleep(0.2)
            now = [session.fetchval("SELECT current_setting($1)", limit) for limit in limits]
            with Station(session).transaction():
                then = [session.fetchval("SELECT current_setting($1)", limit) for limit in limits]
            assert now == then == ["0"] * 4

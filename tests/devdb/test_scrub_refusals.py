"""A scrub that could hit the source, be looked on, or leave something real behind is refused before anything is written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.devdb import debris
from penstock.devdb.scrub.identity import Identity, _in_conninfo, resemblance
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase
from tests.devdb.clones import Clone, make_clone
from tests.devdb.conftest import MakeRole
from tests.devdb.held_stages import assert_clear
from tests.devdb.processes import looking, wait_until
from tests.devdb.small_shop import MASKS, SHOP, checksum, databases, rows
from tests.servers import Database, Server, throw_away_server, unique_name, usable_programs, wait_for_standby

CLONE = Identity("7001", 16384, False, "1000.5", 500, frozenset({("10.0.0.1", 5432)}))


def source(**changed: object) -> Identity:
    fields = {
        "system_identifier": "7001", "database_oid": 16384, "in_recovery": False, "started": "900.25", "position": 400,
        "addresses": frozenset({("10.0.0.2", 5432)}),
    }  # fmt: skip
    return Identity(**{**fields, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "is_another"),
    [
        (source(), True),
        (source(started="1000.5"), False),
        (source(addresses=frozenset({("10.0.0.9", 1), ("10.0.0.1", 5432)})), False),
        (source(position=500), False),
        (source(started="1000.5", position=500, addresses=CLONE.addresses, database_oid=5), True),
        (source(started="1000.5", position=500, addresses=CLONE.addresses, system_identifier="1"), True),
        # a standby behind the target may be following it; one that is ahead of it cannot
        (source(in_recovery=True, position=400), False),
        (source(in_recovery=True, position=600), True),
    ],
)
def test_a_target_of_the_same_origin_is_another_only_if_everything_tells_them_apart(
    other: Identity, *, is_another: bool
) -> None:
    assert (resemblance(other, CLONE) == "") is is_another


STANDBY = source(in_recovery=True, position=400, timeline=1)
SENDING = source(position=600, timeline=1, streams=1)
SNAPSHOT = dataclasses.replace(CLONE, timeline=1)


@pytest.mark.parametrize(
    ("standby", "primary", "target", "is_another"),
    [
        (STANDBY, SENDING, SNAPSHOT, True),
        (STANDBY, source(position=600, timeline=1), dataclasses.replace(CLONE, timeline=2), True),
        # a snapshot that was promoted is nobody's primary, and one that was not sends nothing
        (STANDBY, source(position=600, timeline=2, streams=1), SNAPSHOT, False),
        (STANDBY, source(position=600, timeline=1), SNAPSHOT, False),
        (STANDBY, source(position=300, timeline=1, streams=1), SNAPSHOT, False),
        (STANDBY, source(position=600, timeline=1, streams=1, database_oid=5), SNAPSHOT, False),
        # who does not know, refuses
        (source(in_recovery=True, position=400), SENDING, SNAPSHOT, False),
        (dataclasses.replace(STANDBY, senders=CLONE.addresses), SENDING, SNAPSHOT, False),
    ],
)  # fmt: skip
def test_only_the_primary_a_standby_can_have_its_wal_from_tells_it_from_the_target(
    standby: Identity, primary: Identity, target: Identity, *, is_another: bool
) -> None:
    assert (resemblance(standby, target, [primary]) == "") is is_another


@pytest.mark.parametrize(
    ("conninfo", "hosts", "ports"),
    [
        ("user=r password='a host=x' host='db.internal' port=5433", {"db.internal"}, {"5433"}),
        ("host = a,b port=1,2 hostaddr=10.0.0.1", {"a", "b", "10.0.0.1"}, {"1", "2"}),
        ("postgresql://r:secret@a:1,[::1]:2/postgres?x=y", {"a", "::1"}, {"1", "2"}),
        ("user=r", set(), set()),
    ],
)
def test_whom_a_standby_is_told_to_follow_is_read_from_its_connection_string(
    conninfo: str, hosts: set[str], ports: set[str]
) -> None:
    found = _in_conninfo(conninfo)
    assert hosts <= set(found[0])
    assert set(found[1]) == ports


@pytest.fixture
def clone(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    return make_clone(tmp_path / "project", make_database(SHOP), make_database(SHOP), MASKS)


def assert_refused(clone: Clone, *options: str, says: str, code: int = 4) -> None:
    """Nothing was written, nothing was closed."""
    before = checksum(clone.made), databases(clone.target)
    done = clone.scrub(*options)
    assert (done.code, says in done.err) == (code, True), done.err
    assert "hint: " in done.err
    assert_clear(done.err)
    assert (checksum(clone.made), databases(clone.target)) == before


def test_the_name_must_be_said_again(clone: Clone) -> None:
    assert clone.run("dev", "scrub", "clone", "--confirm", "shop").code == 2
    assert clone.run("dev", "scrub", "clone").code == 2


def test_a_source_is_refused_by_its_role(clone: Clone) -> None:
    done = clone.run("dev", "scrub", "prod", "--confirm", clone.source.name)
    assert (done.code, "its role is source" in done.err) == (4, True)
    assert 'hint: name a connection with role = "target"' in done.err


def test_the_source_itself_is_refused_under_another_name(tmp_path: Path, make_database: MakeDatabase) -> None:
    database = make_database(SHOP)
    assert_refused(
        make_clone(tmp_path / "same", database, database, MASKS), says="is, or may be, the source prod"
    )


def test_a_project_without_a_source_is_refused(clone: Clone) -> None:
    file = clone.path / "penstock.toml"
    file.write_text(file.read_text().replace('role = "source"', 'role = "target"'))
    assert_refused(clone, says="names no source")


def test_a_source_that_does_not_answer_may_be_the_database_to_scrub(clone: Clone) -> None:
    file = clone.path / "penstock.toml"
    file.write_text(file.read_text().replace(f"port = {clone.source.server.port}", "port = 1", 1))
    assert_refused(clone, says="cannot be asked who it is")


def test_other_sessions_are_named_and_ended_only_when_told_to(clone: Clone) -> None:
    with looking(clone.made, "a report"):
        assert_refused(clone, says="a report")
        done = clone.scrub("--end-sessions")
        assert done.code == 0, done.err


def test_of_two_scrubs_at_once_the_second_is_told_what_the_first_may_leave(clone: Clone) -> None:
    with (
        Session.open(clone.made.settings_as("target"), read_only=False, application_name="a test") as session,
        debris.build_lock(session, clone.database),
    ):
        assert_refused(
            clone,
            says=f"leaves the database closed, and this goes on with it: penstock {' '.join(clone.command)}",
        )


def test_large_objects_are_dropped_only_when_told_to(clone: Clone) -> None:
    clone.made.execute("SELECT lo_from_bytea(0, 'x'::bytea)")
    assert_refused(clone, says="--drop-large-objects")
    assert clone.scrub("--drop-large-objects").code == 0
    assert clone.made.value("SELECT count(*) FROM pg_largeobject_metadata") == 0


def test_a_column_nobody_decided_about_is_refused(clone: Clone) -> None:
    clone.made.execute("ALTER TABLE orders ADD phone text")
    assert_refused(clone, says="public.orders.phone")


def test_a_table_among_the_catalogs_is_refused_with_what_to_type(clone: Clone) -> None:
    clone.made.execute("CREATE TABLE information_schema.spare AS SELECT name FROM customer")
    clone.made.execute(
        "SET allow_system_table_mods = on; CREATE TABLE pg_catalog.spare2 AS SELECT name FROM customer"
    )
    for name in ("information_schema.spare", "pg_catalog.spare2"):
        move = f"ALTER TABLE {name} SET SCHEMA public;"
        assert_refused(clone, says=f"hint: {move}")
        clone.made.execute(move)
    assert_refused(clone, says="public.spare")


def test_a_prepared_transaction_is_refused_with_what_to_type(clone: Clone) -> None:
    clone.made.execute("BEGIN; UPDATE orders SET note = 'x'; PREPARE TRANSACTION 'later'")
    assert_refused(clone, says="ROLLBACK PREPARED 'later';")
    clone.made.execute("ROLLBACK PREPARED 'later'")
    assert clone.scrub().code == 0


def test_a_copy_that_is_masked_already_is_refused(clone: Clone) -> None:
    assert clone.scrub().code == 0
    assert_refused(clone, says="is masked already")


def test_a_table_of_that_name_is_nobodys_state(clone: Clone) -> None:
    clone.made.execute("CREATE SCHEMA penstock_scrub")
    assert_refused(clone, says="of its own")


def test_the_servers_own_databases_are_never_closed(tmp_path: Path, make_database: MakeDatabase) -> None:
    shop = make_database(SHOP)
    server = shop.server
    doors = "SELECT datacl::text, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname IN ('postgres', 'template1')"
    for name in ("postgres", "template1"):
        clone = make_clone(tmp_path / name, shop, server.database(name), MASKS)
        before = server.maintenance.rows(doors)
        done = clone.scrub()
        assert (done.code, f"{name} is " in done.err, "hint: " in done.err) == (4, True, True), done.err
        assert server.maintenance.rows(doors) == before


def test_a_database_without_tables_is_not_closed_for_nothing(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    clone = make_clone(tmp_path / "project", make_database(SHOP), make_database("SELECT 1"), MASKS)
    assert_refused(clone, says="has no tables of its own")


def test_the_owner_of_database_and_tables_needs_to_be_no_superuser(clone: Clone, make_role: MakeRole) -> None:
    user, password = make_role()
    clone.log_in_as("clone", user, password)
    assert_refused(clone, says="does not own the database")
    clone.made.psql(f'ALTER DATABASE "{clone.database}" OWNER TO {user}')
    assert_refused(clone, says="may not read public.country")
    clone.made.psql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")
    assert_refused(clone, says="does not own public.")
    clone.made.psql(
        f"ALTER TABLE country OWNER TO {user}; ALTER TABLE customer OWNER TO {user}; ALTER TABLE orders OWNER TO {user};"
    )
    clone.made.psql("ALTER TABLE orders DISABLE TRIGGER ALL")
    assert_refused(clone, says="triggers of the foreign key")
    clone.made.psql("ALTER TABLE orders ENABLE TRIGGER ALL")
    clone.made.psql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    no_force = 'ALTER TABLE "public"."orders" NO FORCE ROW LEVEL SECURITY;'
    assert_refused(clone, says=f"hint: {no_force}")
    clone.made.psql(no_force)
    done = clone.scrub()
    assert done.code == 0, done.err
    assert clone.made.value("SELECT count(*) FROM customer WHERE name LIKE 'Zeb%' OR nick LIKE 'zeb%'") == 0


def test_old_statistics_that_only_a_superuser_can_remove_keep_it_closed(
    clone: Clone, make_role: MakeRole
) -> None:
    if clone.target.major >= 18:
        pytest.skip("from PostgreSQL 18 on the owner of a table can remove its statistics")
    user, password = make_role()
    clone.made.psql(
        f'ALTER DATABASE "{clone.database}" OWNER TO {user}; GRANT CREATE ON SCHEMA public TO {user};'
        f"ALTER TABLE country OWNER TO {user}; ALTER TABLE customer OWNER TO {user}; ALTER TABLE orders OWNER TO {user};"
        "CREATE STATISTICS pair (mcv) ON note, customer_id FROM orders; COMMENT ON STATISTICS pair IS 'for reports';"
        f"ALTER STATISTICS pair SET STATISTICS 50; ALTER STATISTICS pair OWNER TO {user};"
        "ANALYZE; DELETE FROM orders; ALTER TABLE customer ALTER nick SET STATISTICS 0"
    )
    clone.log_in_as("clone", user, password)
    done = clone.scrub()
    assert (done.code, "statistics of public.customer" in done.err) == (1, True), done.err
    assert "stays closed" in done.err
    # as typed
    assert "ALTER TABLE public.customer ALTER nick SET STATISTICS 100; and ANALYZE; or" in done.err
    clone.made.execute("ALTER TABLE public.customer ALTER nick SET STATISTICS 100")
    done = clone.scrub()
    assert f"in {clone.database}, insert a row, ANALYZE, and delete the row" in done.err
    clone.made.execute("INSERT INTO orders VALUES (1, 1, 'x', 1)", "ANALYZE", "DELETE FROM orders")
    assert clone.made.value("SELECT count(*) FROM pg_stats_ext WHERE most_common_vals IS NOT NULL") == 1
    done = clone.scrub()
    assert done.code == 0, done.err
    assert clone.made.value("SELECT count(*) FROM pg_stats_ext WHERE most_common_vals IS NOT NULL") == 0
    assert clone.made.rows(
        "SELECT pg_get_statisticsobjdef(oid), stxstattarget::int, stxowner::regrole::text, obj_description(oid, 'pg_statistic_ext') "
        "FROM pg_statistic_ext"
    ) == [
        (
            "CREATE STATISTICS public.pair (mcv) ON customer_id, note FROM orders",
            50,
            user,
            "for reports",
        )
    ]


def test_a_database_of_which_everything_is_kept_is_disarmed_and_says_that_no_row_changed(
    clone: Clone,
) -> None:
    clone.write(masks=re.sub(r'= "\w+"', '= "keep"', MASKS))
    clone.made.execute("CREATE PUBLICATION out FOR TABLE orders")
    before = rows(clone.made)
    done = clone.scrub("--json")
    assert done.code == 0, done.err
    assert any("no column is masked" in text for text in done.json["warnings"])
    assert done.json["rewritten"] == {}
    assert done.json["verification"]["passed"] is True
    assert any(text.startswith("publication out") for text in done.json["left_out"])
    assert rows(clone.made) == before
    assert clone.made.value("SELECT count(*) FROM pg_publication") == 0
    assert "is masked already" in clone.scrub().err


def name_source(clone: Clone, name: str, database: Database) -> None:
    """One more source in the project."""
    file = clone.path / "penstock.toml"
    prod = file.read_text().partition("[connections.prod]")[2].partition("[connections")[0]
    prod = prod.replace(f"port = {clone.source.server.port}", f"port = {database.server.port}")
    file.write_text(f"{file.read_text()}\n[connections.{name}]{prod}")


def test_a_server_that_somebody_streams_from_is_in_use(
    tmp_path: Path, make_database: MakeDatabase, primary: Server, standby: Server
) -> None:
    clone = make_clone(tmp_path / "led", make_database(SHOP), make_database(SHOP, server=primary), MASKS)
    assert standby.maintenance.value("SELECT pg_is_in_recovery()")
    assert_refused(clone, says="stream from the server")


@pytest.fixture(scope="module")
def origin() -> Iterator[Server]:
    with throw_away_server(usable_programs()) as server:
        yield server


def test_a_restored_snapshot_is_told_from_its_running_origin(origin: Server, tmp_path: Path) -> None:
    """They share system identifier and database OID; the origin as a standby, too, is never scrubbed."""
    shop = origin.create(unique_name("shop"))
    shop.psql(SHOP)
    with throw_away_server(origin.programs, standby_of=origin) as other:
        wait_for_standby(origin, other)
        there = other.database(shop.name)
        clone = make_clone(tmp_path / "clone", shop, there, MASKS)
        done = clone.scrub()
        assert (done.code, "is on a standby" in done.err) == (4, True), done.err
        # Its own primary, whichever of the two is called the source.
        swapped = make_clone(tmp_path / "swapped", there, shop, MASKS)
        done = swapped.scrub()
        assert (done.code, "is, or may be, the source" in done.err) == (4, True), done.err
        assert shop.value("SELECT count(*) FROM customer WHERE name LIKE 'Zeb%'") == 40
        # Its real primary named, and somebody at work on the clone.
        with throw_away_server(origin.programs, standby_of=origin) as standby:
            other.maintenance.execute("SELECT pg_promote()")
            wait_until(lambda: not other.maintenance.value("SELECT pg_is_in_recovery()"))
            wait_for_standby(origin, standby)
            standby.maintenance.execute("SELECT pg_wal_replay_pause()")  # primary and clone are ahead of it
            for server in (origin, other, other):
                server.maintenance.execute(
                    "CREATE TABLE busy ()", "SELECT pg_switch_wal()", "DROP TABLE busy"
                )
            follower = standby.database(shop.name)
            mistaken = make_clone(tmp_path / "mistaken", there, shop, MASKS)
            name_source(mistaken, "replica", follower)
            done = mistaken.scrub()
            assert (done.code, "is, or may be, the source replica" in done.err) == (4, True), done.err
            unsure = make_clone(tmp_path / "unsure", follower, there, MASKS)
            done = unsure.scrub()
            assert (done.code, "no source is a primary" in done.err) == (4, True), done.err
            name_source(clone, "replica", follower)
            done = clone.scrub()
            assert done.code == 0, done.err
        assert there.value("SELECT count(*) FROM customer WHERE name LIKE 'Zeb%'") == 0
        assert shop.value("SELECT count(*) FROM customer WHERE name LIKE 'Zeb%'") == 40

"""An `add` that does not come to its end leaves the copy as it was."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import (
    INTERRUPTED,
    SLOW_MASKS,
    SLOW_SHOP,
    assert_clear,
    drop_all_connections,
    drop_the_source_connection,
    held,
)
from tests.devdb.processes import running
from tests.devdb.small_shop import DEVDB, checksum
from tests.servers import throw_away_server, usable_programs


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)


ADD = ("dev", "add", "small", "--root", "public.customer:id = 30")


ADD_STAGES = {
    "rows": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock dev small' AND query ILIKE 'copy%pg_temp%'",
    "indexes": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock dev small' AND query ILIKE 'insert into%visit%'",
}


def prepare_to_add(folder: Folder) -> object:
    """Create the copy, and in the source what `ADD` brings; the state of the copy."""
    assert folder.run("dev", "create", "small").code == 0
    folder.source.execute(
        "INSERT INTO visit VALUES (77, 30, '/page')", "SELECT setval('orders_id_seq', 5000)"
    )
    return state(folder)


def state(folder: Folder) -> object:
    """Every row, manifest included, every definition and every sequence of the copy."""
    sequences = [folder.made.rows(f"SELECT * FROM {name}_id_seq") for name in ("customer", "orders")]
    constraints = folder.made.rows(
        "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"
    )
    return checksum(folder.made), sequences, constraints


def assert_add_is_possible(folder: Folder) -> None:
    done = folder.run(*ADD)
    assert done.code == 0, done.err
    assert folder.made.value("SELECT count(*) FROM visit") == 11
    assert folder.made.value("SELECT nextval('orders_id_seq')") == 5001
    assert folder.run("dev", "verify", "small").code == 0


@pytest.mark.parametrize("stage", ADD_STAGES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_add_leaves_the_copy_as_it_was(folder: Folder, stage: str, number: int) -> None:
    before = prepare_to_add(folder)
    with held(folder, stage), running(folder, *ADD) as run:
        run.wait_for(ADD_STAGES[stage])
        run.signal(number)
        assert run.end() == (INTERRUPTED if number == signal.SIGINT else -number), run.said
        if number == signal.SIGINT:
            assert_clear(run.said)
    assert state(folder) == before
    assert_add_is_possible(folder)


@pytest.mark.parametrize("take_away", [drop_the_source_connection, drop_all_connections])
def test_a_connection_dropped_during_an_add_is_said_and_the_copy_is_as_it_was(
    folder: Folder, take_away: Callable[[Folder], None]
) -> None:
    before = prepare_to_add(folder)
    with running(folder, *ADD) as run:
        with held(folder, "rows"):
            run.wait_for(ADD_STAGES["rows"])
            take_away(folder)
        assert run.end() == 3, run.said
        assert_clear(run.said)
        assert "PEN-3300" in run.said
    assert state(folder) == before
    assert_add_is_possible(folder)


def test_a_target_server_killed_during_an_add_has_the_copy_as_it_was(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SLOW_SHOP)
    with throw_away_server(usable_programs()) as target:
        assert target.embedded is not None
        folder = make_folder(source, DEVDB, SLOW_MASKS, target=target)
        before = prepare_to_add(folder)
        target.maintenance.execute("CHECKPOINT")  # the tests' servers write nothing to disk by themselves
        with held(folder, "indexes"), running(folder, *ADD) as run:
            run.wait_for(ADD_STAGES["indexes"])
            target.embedded._run("pg_ctl", "stop", "-m", "immediate", "-D", str(target.embedded.data))
            assert run.end() == 3, run.said
            assert_clear(run.said)
        target.embedded.start()
        assert state(folder) == before
        assert_add_is_possible(folder)
        folder.target.drop(folder.database)


def test_one_add_at_a_time(folder: Folder) -> None:
    prepare_to_add(folder)
    with running(folder, *ADD) as run:
        with held(folder, "rows"):
            run.wait_for(ADD_STAGES["rows"])
            for command in (ADD, ("dev", "refresh", "small"), ("dev", "drop", "small", "--yes")):
                second = folder.run(*command)
                assert second.code == 4, second.err
                assert "another run" in second.err
        assert run.end() == 0, run.said
    assert folder.made.value("SELECT count(*) FROM visit") == 11

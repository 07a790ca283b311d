"""A standby that has to keep up with its primary cancels a long copy: the run starts again on a new snapshot, twice at
most, and then says what to set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from penstock.devdb import databases
from penstock.errors import DatabaseError
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import SLOW_MASKS, SLOW_SHOP, STAGES, held
from tests.devdb.processes import running
from tests.devdb.small_shop import DEVDB
from tests.devdb.test_interrupted_add import ADD, ADD_STAGES, state
from tests.servers import Server

# What a snapshot of the standby is in the way of.
CHANGES = {
    "rows": "UPDATE public.orders SET note = note; VACUUM public.orders",
    "locks": "ALTER TABLE public.orders ALTER amount TYPE numeric(12, 2)",
}

Disturb = Callable[[str], None]


@pytest.fixture
def impatient(standby: Server) -> Iterator[None]:
    """The standby waits for no query of its own."""

    def delay(value: str) -> None:
        standby.maintenance.execute(
            f"ALTER SYSTEM SET max_standby_streaming_delay = {value}", "SELECT pg_reload_conf()"
        )

    delay("0")
    yield
    delay("DEFAULT")


@pytest.fixture
def folder(
    primary: Server,
    standby: Server,
    impatient: None,
    catch_up: Callable[[], None],
    make_database: MakeDatabase,
    make_folder: MakeFolder,
) -> Folder:
    source = make_database(SLOW_SHOP, server=primary)
    catch_up()
    return make_folder(standby.database(source.name), DEVDB, SLOW_MASKS)


@pytest.fixture
def disturb(primary: Server, folder: Folder, catch_up: Callable[[], None]) -> Disturb:
    """Change the primary; the standby has followed when it returns."""

    def change(what: str) -> None:
        primary.database(folder.source.name).psql(CHANGES[what])
        catch_up()

    return change


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("stage", ["rows", "statistics"])
def test_a_copy_that_the_standby_cancels_starts_again(
    stage: str, change: str, folder: Folder, disturb: Disturb
) -> None:
    with running(folder, "dev", "create", "small") as run:
        with held(folder, stage):
            run.wait_for(STAGES[stage])
            disturb(change)
        assert run.end() == 0, run.said
        assert "the standby cancelled the copy, restart 1 of 2" in run.said
        assert "restart 2" not in run.said
    assert folder.names() == [folder.database]
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 0, verified.out


def test_what_fails_when_the_source_is_needed_no_more_is_no_reason_to_start_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("the rename failed", why="for some reason", hint="run again")

    monkeypatch.setattr(databases, "publish", fail)
    done = folder.run("dev", "create", "small")
    assert done.code == 3
    assert "the rename failed" in done.err
    assert "restart" not in done.err
    assert folder.names() == []


def test_a_copy_that_the_standby_always_cancels_ends_with_what_to_set(
    folder: Folder, disturb: Disturb
) -> None:
    with running(folder, "dev", "create", "small") as run:
        with held(folder, "statistics"):
            with held(folder, "rows"):
                run.wait_for(STAGES["rows"])
                disturb("rows")
            run.wait_for(STAGES["statistics"])
            rows = held(folder, "rows")
            rows.__enter__()
            disturb("rows")
        run.wait_for(STAGES["rows"])
        disturb("rows")
        rows.__exit__(None, None, None)
        assert run.end() == 3, run.said
        assert "the standby cancelled the copy 3 times" in run.said
        assert "hot_standby_feedback" in run.said
        assert "max_standby_streaming_delay" in run.said
        assert "PEN-3300" in run.said
    assert folder.names() == []


def test_an_add_that_the_standby_cancels_leaves_the_copy_as_it_was(
    primary: Server, folder: Folder, disturb: Disturb
) -> None:
    assert folder.run("dev", "create", "small").code == 0
    primary.database(folder.source.name).execute("INSERT INTO visit VALUES (77, 30, '/page')")
    disturb("rows")
    before = state(folder)
    with running(folder, *ADD) as run:
        with held(folder, "rows"):
            run.wait_for(ADD_STAGES["rows"])
            disturb("rows")
        assert run.end() == 3, run.said
        assert "PEN-3300" in run.said
        assert "hot_standby_feedback" in run.said
    assert state(folder) == before
    done = folder.run(*ADD)
    assert done.code == 0, done.err

"""A prune that is killed, at every step it tells of and in the midst of some: nothing half-done under the final name, and
the next run removes what is left and succeeds. Ctrl-C removes it at once."""

from __future__ import annotations

import signal
import time

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import SLOW_MASKS, SLOW_SHOP, assert_clear, held
from tests.devdb.processes import Run, running, wait_until
from tests.devdb.prune.test_prune_dev import ROOT, WHOLE, made_of, name_of, with_cut
from tests.devdb.small_shop import checksum, rows

ALL = WHOLE.replace("]", ', "public.visit"]')
STEPS = (
    "copy ",
    "closure",
    "delete public.orders",
    "delete public.visit",
    "foreign keys",
    "statistics",
    "checking each row count",
    "searching public.customer",
    "verify",
)
# What the server is doing when it is held there.
MIDST = {
    "indexes": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'vacuum%visit%'",
    "statistics": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'refresh mat%'",
}


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    folder = make_folder(make_database(SLOW_SHOP), ALL, SLOW_MASKS)
    assert folder.run("dev", "create", "small").code == 0
    return with_cut(folder, ROOT + "limit = 2", whole=ALL)


def wait_for_step(run: Run, step: str) -> None:
    """Until the run says that it has finished a step."""
    until = time.monotonic() + 40
    while not any(line.startswith(step) for line in run.said.splitlines()):
        assert run.process.poll() is None, f"it ended before: {run.said}"
        assert time.monotonic() < until, f"never came there: {run.said}"
        time.sleep(0.002)


def assert_next_run_succeeds(folder: Folder) -> None:
    wait_until(
        lambda: (
            not folder.target.maintenance.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        )
    )
    done = folder.run("dev", "create", "cut")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database, name_of(folder)]
    assert len(rows(made_of(folder))["customer"]) == 2
    assert len(rows(made_of(folder))["visit"]) == 4


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_prune_leaves_no_half_database(folder: Folder, step: str) -> None:
    before = checksum(folder.made)
    with running(folder, "dev", "create", "cut") as run:
        wait_for_step(run, step)
        run.signal(signal.SIGKILL)
        run.end()
    if name_of(folder) in folder.names():  # it was quicker than the signal: then it is whole
        assert step == "verify"
        assert folder.run("dev", "verify", "cut").code == 0
        assert folder.run("dev", "drop", "cut", "--yes").code == 0
    assert_next_run_succeeds(folder)
    assert checksum(folder.made) == before


def wait_in_the_midst(folder: Folder, run: Run, stage: str) -> None:
    run.wait_for(MIDST[stage].replace("$1", f"'{name_of(folder)}\\_\\_penstock\\_%'"))


@pytest.mark.parametrize("stage", MIDST)
def test_killed_in_the_midst_of_a_statement_too(folder: Folder, stage: str) -> None:
    with held(folder, stage), running(folder, "dev", "create", "cut") as run:
        wait_in_the_midst(folder, run, stage)
        run.signal(signal.SIGKILL)
        run.end()
        assert name_of(folder) not in folder.names()
        assert len(folder.names()) == 2, "the debris the next run is to remove"
    assert_next_run_succeeds(folder)


@pytest.mark.parametrize("stage", MIDST)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_its_like_remove_what_was_begun(folder: Folder, stage: str, number: int) -> None:
    with held(folder, stage), running(folder, "dev", "create", "cut") as run:
        wait_in_the_midst(folder, run, stage)
        run.signal(number)
        assert run.end() == 130, run.said
        assert_clear(run.said)
    assert folder.names() == [folder.database]


def test_a_server_that_ends_a_connection_ends_the_prune_with_a_clear_error(folder: Folder) -> None:
    with held(folder, "indexes"), running(folder, "dev", "create", "cut") as run:
        wait_in_the_midst(folder, run, "indexes")
        folder.target.maintenance.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'vacuum%visit%' AND pid <> pg_backend_pid()"
        )
        assert run.end() == 3, run.said
        assert_clear(run.said)
    assert folder.names() == [folder.database]

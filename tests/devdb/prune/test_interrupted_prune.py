"""A prune that is killed, at every step it tells of and in the midst of some: nothing half-done under the final name, and
the next run removes what is left and succeeds. Ctrl-C removes it at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import SLOW_MASKS, SLOW_SHOP, assert_clear, held, unlocked
from tests.devdb.prepared import its_own, prepared
from tests.devdb.processes import Run, running, wait_until
from tests.devdb.prune.test_prune_dev import ROOT, WHOLE, made_of, name_of, with_cut
from tests.devdb.small_shop import checksum, rows
from tests.devdb.test_interrupted_clone import alive, children
from tests.servers import Server

CREATE = ("dev", "create", "cut")
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


@pytest.fixture(scope="module")
def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    with prepared(postgres, tmp_path_factory.mktemp("shared"), SLOW_SHOP, ALL, SLOW_MASKS) as folder:
        yield folder


@pytest.fixture
def folder(shared: Folder, tmp_path: Path) -> Iterator[Folder]:
    with its_own(shared, tmp_path / "project") as folder:
        yield with_cut(folder, ROOT + "limit = 2", whole=ALL)


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


# The statement in "statistics" is the command's own in either case.
@pytest.mark.parametrize(("stage", "jobs"), [("indexes", "1"), ("indexes", "2"), ("statistics", "2")])
def test_killed_in_the_midst_of_a_statement_too(folder: Folder, stage: str, jobs: str) -> None:
    with held(folder, stage), running(folder, *CREATE, "--jobs", jobs) as run:
        wait_in_the_midst(folder, run, stage)
        mine = children(run.process.pid)
        assert len(mine) == (2 if jobs == "2" else 0)
        run.signal(signal.SIGKILL)
        run.end()
        wait_until(lambda: not alive(mine))
        assert name_of(folder) not in folder.names()
        assert len(folder.names()) == 2, "the debris the next run is to remove"
    assert_next_run_succeeds(folder)


@pytest.mark.parametrize(
    ("stage", "number", "jobs"),
    [
        ("indexes", signal.SIGINT, "2"),
        ("indexes", signal.SIGTERM, "1"),
        ("statistics", signal.SIGINT, "1"),
        ("statistics", signal.SIGTERM, "2"),
    ],
)
def test_ctrl_c_and_its_like_remove_what_was_begun(
    folder: Folder, stage: str, number: int, jobs: str
) -> None:
    with held(folder, stage), running(folder, *CREATE, "--jobs", jobs) as run:
        wait_in_the_midst(folder, run, stage)
        mine = children(run.process.pid)
        run.signal(number)
        assert run.end() == 130, run.said
        assert_clear(run.said)
        assert not alive(mine)
    assert folder.names() == [folder.database]


def test_a_worker_that_is_killed_ends_the_prune_or_is_not_missed(folder: Folder) -> None:
    """One of the two at a time, in the midst of the other's or its own VACUUM."""
    codes = set()
    for which in range(2):
        with running(folder, *CREATE, "--jobs", "2") as run:
            with held(folder, "indexes"):
                wait_in_the_midst(folder, run, "indexes")
                os.kill(sorted(children(run.process.pid))[which], signal.SIGKILL)
            codes.add(assert_ends_well(folder, run))
    assert 3 in codes, "neither was missed"
    assert_next_run_succeeds(folder)


def assert_ends_well(folder: Folder, run: Run) -> int:
    """The run ends with a whole database, or with a clear error and none."""
    code = run.end()
    if code:
        assert code == 3, run.said
        assert "a worker process ended" in run.said
        assert_clear(run.said)
        assert name_of(folder) not in folder.names()
    else:
        assert folder.run("dev", "verify", "cut").code == 0
        assert folder.run("dev", "drop", "cut", "--yes").code == 0
    return code


@pytest.fixture
def from_production(shared: Folder, make_folder: MakeFolder) -> Folder:
    """A prune that clones first."""
    folder = make_folder(shared.source, ALL, SLOW_MASKS)
    return with_cut(folder, ROOT + "limit = 2", whole=ALL, existing=False)


# Where a prune that clones first is hit: while its workers clone, and when the workers that prune have done a table.
PHASES = ("clone", "prune")


def wait_for_phase(folder: Folder, run: Run, phase: str) -> None:
    if phase == "clone":
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'copy%visit%'"
        run.wait_for(asked.replace("$1", f"'{name_of(folder)}\\_\\_penstock\\_%'"))
    else:
        wait_for_step(run, "delete public.orders")


@contextmanager
def in_phase(folder: Folder, phase: str) -> Iterator[Run]:
    """A run that has come there; in the end nothing holds it, and it ends."""
    with running(folder, *CREATE, "--jobs", "2") as run:
        with held(folder, "rows") if phase == "clone" else nullcontext():
            wait_for_phase(folder, run, phase)
            yield run
        if run.process.poll() is None:
            assert_ends_well(folder, run)


def assert_whole_at_last(folder: Folder) -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run(*CREATE)
    assert done.code == 0, done.err
    assert folder.names() == [name_of(folder)]
    assert len(rows(made_of(folder))["visit"]) == 4


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_prune_of_a_copy_made_first_leaves_no_worker_and_no_half_database(
    from_production: Folder, phase: str
) -> None:
    folder = from_production
    with in_phase(folder, phase) as run:
        mine = children(run.process.pid)
        assert mine
        run.signal(signal.SIGKILL)
        run.end()
        wait_until(lambda: not alive(mine))
        assert name_of(folder) not in folder.names()
    assert_whole_at_last(folder)


@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_that_is_killed_while_a_copy_is_made_first_leaves_no_half_database(
    from_production: Folder, phase: str
) -> None:
    folder = from_production
    with in_phase(folder, phase) as run:
        for worker in list(children(run.process.pid))[:1]:
            os.kill(worker, signal.SIGKILL)
    assert_whole_at_last(folder)


def test_a_server_that_ends_a_connection_ends_the_prune_with_a_clear_error(folder: Folder) -> None:
    with held(folder, "indexes"), running(folder, "dev", "create", "cut") as run:
        wait_in_the_midst(folder, run, "indexes")
        folder.target.maintenance.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'vacuum%visit%' AND pid <> pg_backend_pid()"
        )
        assert run.end() == 3, run.said
        assert_clear(run.said)
    assert folder.names() == [folder.database]

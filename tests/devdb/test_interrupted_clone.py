"""A clone that is ended at any moment, with its workers: nothing under the final name, nobody left at work, and the next run
succeeds."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import INTERRUPTED, SLOW_MASKS, SLOW_SHOP, STAGES, assert_clear, held, unlocked
from tests.devdb.processes import running, wait_until

CREATE = ("dev", "create", "small", "--jobs", "2")


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(SLOW_SHOP), 'strategy = "clone"\n', SLOW_MASKS)


def assert_next_run_is_whole(folder: Folder) -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run(*CREATE)
    assert done.code == 0, done.err
    assert folder.names() == [folder.database]
    for table in ("customer", "orders", "visit"):
        count = f"SELECT count(*) FROM public.{table}"
        assert folder.made.value(count) == folder.source.value(count)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupted_clone_removes_what_was_begun_and_ends_its_workers(
    folder: Folder, stage: str, number: int
) -> None:
    with held(folder, stage), running(folder, *CREATE) as run:
        run.wait_for(STAGES[stage])
        mine = children(run.process.pid)
        run.signal(number)
        assert run.end() == INTERRUPTED, run.said
        assert_clear(run.said)
        assert not alive(mine)
    assert folder.names() == []
    assert_next_run_is_whole(folder)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_clone_leaves_no_worker_and_the_next_run_removes_its_debris(
    folder: Folder, stage: str
) -> None:
    with held(folder, stage), running(folder, *CREATE) as run:
        run.wait_for(STAGES[stage])
        mine = children(run.process.pid)
        run.signal(signal.SIGKILL)
        run.end()
        wait_until(lambda: not alive(mine))
        assert folder.database not in folder.names()
    assert_next_run_is_whole(folder)


def test_a_worker_that_is_killed_ends_the_run_and_the_next_one_succeeds(folder: Folder) -> None:
    with held(folder, "rows"), running(folder, *CREATE) as run:
        run.wait_for(STAGES["rows"])
        for worker in children(run.process.pid):
            os.kill(worker, signal.SIGKILL)
        assert run.end() == 3, run.said
        assert "a worker process ended" in run.said
        assert_clear(run.said)
    assert folder.names() == []
    assert_next_run_is_whole(folder)


def children(process: int) -> set[int]:
    """The workers of one run."""
    found = subprocess.run(
        ["pgrep", "-P", str(process), "-f", "penstock.runs.worker"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {int(line) for line in found.stdout.split()}


def alive(processes: set[int]) -> set[int]:
    def is_alive(process: int) -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        return True

    return {process for process in processes if is_alive(process)}

"""A clone that is ended at any moment, with its workers: nothing under the final name, nobody left at work, and the next run
succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devdb.conftest import Folder
from tests.devdb.held_stages import INTERRUPTED, SLOW_MASKS, SLOW_SHOP, STAGES, assert_clear, held, unlocked
from tests.devdb.prepared import its_own, prepared
from tests.devdb.processes import running, wait_until
from tests.servers import Server

CREATE = ("dev", "create", "small", "--jobs", "2")


@pytest.fixture(scope="module")
def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    path, devdb = tmp_path_factory.mktemp("shared"), 'strategy = "clone"\n'
    with prepared(postgres, path, SLOW_SHOP, devdb, SLOW_MASKS, made=False) as folder:
        yield folder


@pytest.fixture
def folder(shared: Folder, tmp_path: Path) -> Iterator[Folder]:
    with its_own(shared, tmp_path / "project") as folder:
        yield folder


def assert_next_run_is_whole(folder: Folder) -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database]
    for table in ("customer", "orders", "visit"):
        count = f"SELECT count(*) FROM public.{table}"
        assert folder.made.value(count) == folder.source.value(count)


@pytest.mark.parametrize(
    ("stage", "number"), [*((stage, signal.SIGINT) for stage in STAGES), ("rows", signal.SIGTERM)]
)
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
    assert folder.names() == [], "nothing the next run could find"


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

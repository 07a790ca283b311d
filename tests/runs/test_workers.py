"""Items in processes: all of them, at the same time, and nothing goes on after the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from penstock.errors import ConnectError, PenstockError, QueryError
from penstock.runs.items import Item, Outfit, Unwatched
from penstock.runs.workers import Ready, Workers
from tests.runs import toys
from tests.runs.toys import Bench
from tests.servers import REPOSITORY


class Counting(Unwatched):
    def __init__(self) -> None:
        self.rows = self.bytes = 0
        self.names: list[str] = []

    def advanced(self, name: str, rows: int, size_bytes: int) -> None:
        self.rows += rows
        self.bytes += size_bytes

    def finished(self, name: str) -> None:
        self.names.append(name)


def run(folder: Path, items: list[Item], jobs: int = 2, **bench: object) -> dict[str, object]:
    outfit = Outfit(toys.bench, Bench(folder, **bench))  # type: ignore[arg-type]
    with Workers(outfit, jobs, (folder / "note").write_text) as workers:
        return workers.run(items, Unwatched())


def test_every_item_gives_its_result_and_tells_how_far_it_is(tmp_path: Path) -> None:
    items = [Item(str(n), toys.square, n) for n in range(20)]
    watch = Counting()
    with Workers(Outfit(toys.bench, Bench(tmp_path)), 3, print) as workers:
        results = workers.run(items[:10], watch) | workers.run(items[10:], watch)
    assert results == {str(n): n * n for n in range(20)}
    assert (watch.rows, watch.bytes, len(watch.names)) == (20, 160, 20)


def test_two_workers_work_at_the_same_time(tmp_path: Path) -> None:
    results = run(tmp_path, [Item(str(n), toys.who, 0.5) for n in range(2)])
    (one, began, _), (other, _, ended) = results["0"], results["1"]  # type: ignore[misc]
    assert one != other
    assert began < ended


def test_what_an_item_raises_is_raised_here_with_its_hint(tmp_path: Path) -> None:
    with pytest.raises(QueryError) as caught:
        run(tmp_path, [Item("a", toys.refused, "no"), Item("b", toys.who, 60.0)])
    assert (caught.value.what, caught.value.why, caught.value.hint) == ("no", "it says so", "ask again")


def test_what_nobody_foresaw_is_told_without_its_text(tmp_path: Path) -> None:
    with pytest.raises(PenstockError) as caught:
        run(tmp_path, [Item("a", toys.surprised, "quartermaine")])
    assert "KeyError in toys.py" in caught.value.what
    assert "quartermaine" not in str(caught.value.as_dict())


def test_a_worker_that_fails_when_nobody_listens_any_more_ends_in_silence(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock.runs.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'src'}", "PATH": "/usr/bin:/bin"},
        )
    with ours, Connection(os.dup(ours.fileno())) as line:
        line.send(Outfit(toys.bench, Bench(tmp_path)))
        assert line.recv() == Ready()
        ours.shutdown(socket.SHUT_RD)  # what it says from here on meets a broken pipe
        line.send((toys.surprised, "quartermaine"))
        _, said = process.communicate(timeout=30)
    assert said == b""


def test_a_worker_that_is_killed_ends_the_run_with_what_it_was_at(tmp_path: Path) -> None:
    with pytest.raises(PenstockError) as caught:
        run(tmp_path, [Item("the item", toys.killed)])
    assert "the item" in caught.value.what
    assert "-9" in caught.value.why


def test_where_a_server_lets_fewer_connect_fewer_work(tmp_path: Path) -> None:
    results = run(tmp_path, [Item(str(n), toys.square, n) for n in range(5)], jobs=3, most=1)
    assert len(results) == 5
    assert "1 of 3 workers" in (tmp_path / "note").read_text()
    with pytest.raises(ConnectError):
        run(tmp_path, [Item("a", toys.square, 1)], most=0)


def test_a_station_that_cannot_be_opened_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="cannot be opened"):
        run(tmp_path, [Item("a", toys.square, 1)], fail="open")


SCRIPT = """
from pathlib import Path
from penstock.runs.items import Item, Outfit, Unwatched
from penstock.runs.workers import Workers
from tests.runs import toys
with Workers(Outfit(toys.bench, toys.Bench(Path({folder!r}))), 2, print) as workers:
    workers.run([Item("a", toys.noted, 60.0)], Unwatched())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_goes_on_when_its_run_is_ended(tmp_path: Path, how: signal.Signals) -> None:
    # The script has no guard for being imported: no worker may run it again.
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(folder=str(tmp_path))],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'src'}", "PATH": "/usr/bin:/bin"},
    )
    alive = tmp_path / "alive"
    deadline = time.monotonic() + 60
    while not alive.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(how)
    process.wait(30)
    time.sleep(1)
    last = alive.read_text()
    time.sleep(0.5)
    assert alive.read_text() == last

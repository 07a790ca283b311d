"""Commands in processes of their own, and lasting looks at what a server does for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.devdb.conftest import Folder
from tests.servers import Database


class Looker:
    """One lasting connection to a server's maintenance database, with psql: quick to ask again and again."""

    def __init__(self, database: Database, name: str = "penstock-tests") -> None:
        self._psql = subprocess.Popen(
            [str(database.server.programs / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**database.environment, "PGAPPNAME": name},
        )  # fmt: skip
        self.backend = int(self.ask("SELECT pg_backend_pid()"))

    def ask(self, query: str) -> str:
        """The one value of a query."""
        assert self._psql.stdin is not None
        assert self._psql.stdout is not None
        self._psql.stdin.write(query + ";\n")
        self._psql.stdin.flush()
        return self._psql.stdout.readline().strip()

    def close(self) -> None:
        assert self._psql.stdin is not None
        assert self._psql.stdout is not None
        self._psql.stdin.close()
        self._psql.wait()
        self._psql.stdout.close()


@contextmanager
def looking(database: Database, name: str = "penstock-tests") -> Iterator[Looker]:
    looker = Looker(database, name)
    try:
        yield looker
    finally:
        looker.close()


class Run:
    """A command in a process of its own."""

    def __init__(self, folder: Folder, *arguments: str) -> None:
        self.folder = folder
        self._errors = folder.path / "stderr"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from penstock.cli import main; main()",
                    "-C",
                    str(folder.path),
                    *arguments,
                ],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            )

    def wait_for(self, query: str, seconds: float = 30) -> None:
        """Until the query, asked of the target's server about the build, counts something."""
        until = time.monotonic() + seconds
        asked = query.replace("$1", f"'{self.folder.database}\\_\\_penstock\\_%'")
        with looking(self.folder.target.maintenance) as looker:
            while looker.ask(asked) in ("0", ""):
                assert self.process.poll() is None, f"it ended before: {self.said}"
                assert time.monotonic() < until, f"never came there: {self.said}"
                time.sleep(0.005)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGABRT)  # writes where each thread stands
            self.process.wait(5)
            raise AssertionError(f"it does not end: {self.said}") from None

    @property
    def said(self) -> str:
        return self._errors.read_text()


@contextmanager
def running(folder: Folder, *arguments: str) -> Iterator[Run]:
    run = Run(folder, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        if run.process.stderr:
            run.process.stderr.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)

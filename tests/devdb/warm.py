"""Commands in processes of their own that need not load Python and Penstock first: forked, each, from one that has.

For tests that kill some thirty runs one after the other: starting costs each more than what it does until it is killed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.devdb.conftest import Folder

_SERVE = """
import json, os, sys
from penstock.cli import main
import penstock.api.project, penstock.devdb.scrub.run

for line in sys.stdin:
    job = json.loads(line)
    process = os.fork()
    if not process:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(job["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = ["penstock", *job["arguments"]]
        main()
        os._exit(0)
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Forked:
    """One command. `pid` is its own, and a signal to it one to nobody else."""

    def __init__(self, warm: subprocess.Popen[str], folder: Folder, arguments: tuple[str, ...]) -> None:
        self._warm = warm
        self._errors = folder.path / "stderr"
        assert warm.stdin is not None
        job = {"errors": str(self._errors), "arguments": ["-C", str(folder.path), *arguments]}
        warm.stdin.write(json.dumps(job) + "\n")
        warm.stdin.flush()
        self.pid = self._told()
        self.code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, when it has ended."""
        if self.code is None and select.select([self._warm.stdout], [], [], 0)[0]:
            self.end()
        return self.code

    def end(self) -> int:
        if self.code is None:
            self.code = self._told()
        return self.code

    def kill(self) -> None:
        """With the signal that cannot be caught, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            assert self.end() == -signal.SIGKILL

    @property
    def said(self) -> str:
        return self._errors.read_text()

    def _told(self) -> int:
        assert self._warm.stdout is not None
        line = b""
        while not line.endswith(b"\n"):  # not more than that: of what is buffered `select` knows nothing
            line += os.read(self._warm.stdout.fileno(), 1)
        return int(line)


class Warm:
    """Where commands are forked, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @contextmanager
    def running(self, folder: Folder, *arguments: str) -> Iterator[Forked]:
        run = Forked(self._process, folder, arguments)
        try:
            yield run
        finally:
            run.kill()


@contextmanager
def warm() -> Iterator[Warm]:
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Warm(process)
        assert process.stdin is not None
        process.stdin.close()

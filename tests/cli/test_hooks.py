"""No way out of the process shows the text of an error: threads, finalisers, tasks, loggers, warnings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.running import Done, clean_environment

HEAD = """
import sys, types, click, threading, asyncio, gc, logging, warnings
import penstock.cli
def work():
    raise ValueError("canary-text")
class Fragile:
    def __del__(self):
        work()
async def forgotten():
    task = asyncio.ensure_future(failing())
    await asyncio.sleep(0.01)
async def failing():
    work()
"""
TAIL = """
sys.modules["penstock.cli.doctor"] = types.SimpleNamespace(command=command)
penstock.cli.main(sys.argv[1:])
"""
FAILURES = {
    "thread": "t = threading.Thread(target=work); t.start(); t.join()",
    "finaliser": "Fragile(); gc.collect()",
    "task": "asyncio.run(forgotten()); gc.collect()",
    "logger": "logging.getLogger('somebody').error('canary-text %s', 'canary-argument')",
    "warning": "warnings.warn('canary-text')",
    "exit": "import atexit; atexit.register(work)",
}


def run(body: str, *options: str) -> Done:
    command = f"@click.command()\ndef command():\n    {body}\n    click.echo('done')\n"
    done = subprocess.run(
        [sys.executable, "-c", HEAD + command + TAIL, "doctor", *options],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("options", [[], ["-vv"]])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_beside_the_command_shows_no_text(failure: str, options: list[str]) -> None:
    done = run(FAILURES[failure], *options)
    assert (done.code, done.out) == (0, "done\n")
    assert "canary" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("failure", ["thread", "finaliser", "task"])
def test_verbose_says_that_something_failed_and_where(failure: str) -> None:
    done = run(FAILURES[failure], "-v")
    assert "ValueError" in done.err


LOST = """
import os, signal, time
from penstock.cli import hooks
hooks.install()
class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
try:
    Finalised()
    time.sleep(30)
except KeyboardInterrupt:
    print("heard")
"""


def test_an_interrupt_that_falls_into_a_finaliser_is_heard_all_the_same():
    done = subprocess.run(
        [sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("heard\n", "")

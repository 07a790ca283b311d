"""One demo for all tests of it: made once, by the command line, on the embedded server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.cli.demo.home import DemoHome
from tests.servers import REPOSITORY, Database, Server, temporary_folder


def run_penstock(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from penstock.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "NO_COLOR": "1"},
        check=False,
    )


@dataclass(frozen=True)
class Demo:
    home: DemoHome
    output: str
    production: Database
    development: Database


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    with temporary_folder() as place:
        home = DemoHome(place / "my demo")
        try:
            done = run_penstock("demo", home.folder, folder=place)
            assert done.returncode == 0, done.stdout + done.stderr
            embedded = home.server()
            server = Server(embedded.host, embedded.port, embedded.user, embedded.password, embedded.programs)
            output = done.stdout + done.stderr
            yield Demo(home, output, server.database("shop"), server.database("shop_dev"))
        finally:
            if home.exists:
                home.remove()


@pytest.fixture
def penstock() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, as somebody types it: `penstock("demo", "--stop", folder=…)`."""
    return run_penstock

"""The real command line in a process of its own, with a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
COMMAND = [sys.executable, "-c", "from penstock.cli import main; main()"]
_KEPT = ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR", "LANG", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Done:
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


Penstock = Callable[..., Done]
WriteProject = Callable[..., Path]


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing of the machine's user that could decide a test."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PGPASSFILE": "/nonexistent"} | more


def run(*arguments: str, cwd: Path, stdin: str = "", **environment: str) -> Done:
    """Run `penstock ARGUMENTS` in a folder."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=clean_environment(**environment),
    )
    return Done(done.returncode, done.stdout, done.stderr)

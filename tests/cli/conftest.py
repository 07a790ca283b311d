"""Fixtures of the command line: run it, and write the project it runs in."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from penstock import cli
from penstock.cli import options
from tests.cli.running import KEY, Done, Penstock, WriteProject, run
from tests.servers import Database


@pytest.fixture
def penstock(tmp_path: Path) -> Penstock:
    """Run `penstock ARGUMENTS` in the test's folder (or `cwd=`)."""
    return lambda *arguments, cwd=tmp_path, **more: run(*arguments, cwd=cwd, **more)


@pytest.fixture
def penstock_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Penstock:
    """Run `penstock ARGUMENTS` in this process: there are many commands here, and a process costs a second each."""
    monkeypatch.chdir(tmp_path)

    def run_here(*arguments: str, stdin: str = "") -> Done:
        options.common.__init__()  # type: ignore[misc]  # a command line is one process: its options start anew
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(list(arguments))
        return Done(code, out.getvalue(), err.getvalue())

    return run_here


@pytest.fixture
def write_project(tmp_path: Path) -> WriteProject:
    """Write a project whose source is a database and whose target is another one's server."""

    def write(source: Database, target: Database | None = None, extra: str = "", **fields: str) -> Path:
        target = target or source.server.maintenance
        toml = "[project]\nname = 'shop'\n"
        for name, role, database in (("prod", "source", source), ("dev", "target", target)):
            toml += (
                f"[connections.{name}]\nrole = '{role}'\nhost = '{database.server.host}'\n"
                f"port = {database.server.port}\ndbname = '{database.name}'\n"
                f"user = '{fields.get(name + '_user', database.server.user)}'\n"
                f"password = '${{{name.upper()}_PASSWORD:-}}'\n"
            )
        (tmp_path / "penstock.toml").write_text(toml + extra)
        env = tmp_path / ".env"
        env.write_text(
            f"PENSTOCK_KEY={KEY}\n"
            f"PROD_PASSWORD='{fields.get('prod_password', source.server.password)}'\n"
            f"DEV_PASSWORD='{target.server.password}'\n"
        )
        env.chmod(0o600)
        return tmp_path

    return write

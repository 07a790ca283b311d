"""A project in a temporary folder, on the test server, and the development databases it makes."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock import cli
from penstock.api import Project
from penstock.cli import options
from tests.servers import Database, Server, unique_name

KEY = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Done:
    """What a command exited with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Folder:
    """A project's folder, and what its development database is called."""

    path: Path
    source: Database
    target: Server
    database: str

    @property
    def project(self) -> Project:
        return Project.load(self.path)

    @property
    def made(self) -> Database:
        """The development database."""
        return self.target.database(self.database)

    def write(self, *, devdb: str | None = None, masks: str | None = None, key: str = KEY, connections: str = "") -> None:
        """(Re)write the project's files; None leaves a file alone."""
        (self.path / ".env").write_text(
            f"PENSTOCK_KEY={key}\nSOURCE_PASSWORD='{self.source.server.password}'\nTARGET_PASSWORD='{self.target.password}'\n"
        )
        if devdb is not None:
            (self.path / "penstock.toml").write_text(self._toml(devdb, connections))
        if masks is not None:
            (self.path / "masks.toml").write_text(masks)

    def _toml(self, devdb: str, connections: str) -> str:
        def connection(role: str, server: Server, dbname: str, secret: str) -> str:
            fields = {"role": role, "host": server.host, "port": server.port, "user": server.user, "dbname": dbname}
            lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
            if server.password:
                lines.append(f'password = "${{{secret}}}"')
            return "\n".join(lines)

        return (
            '[project]\nname = "test"\n\n'
            f"[connections.prod]\n{connection('source', self.source.server, self.source.name, 'SOURCE_PASSWORD')}\n\n"
            f"[connections.dev]\n{connection('target', self.target, 'postgres', 'TARGET_PASSWORD')}\n\n"
            f'{connections}\n[devdb.small]\ndatabase = "{self.database}"\n{devdb}\n'
        )

    def run(self, *arguments: str) -> Done:
        """The command line in this folder, in this process: what it exits with and what it prints."""
        out, err = io.StringIO(), io.StringIO()
        options.common.__init__()  # type: ignore[misc]  # a command line is one process: its options start anew
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(["-C", str(self.path), *arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def names(self) -> list[str]:
        """Databases on the target whose names begin with ours: the finished one and debris."""
        return sorted(name for name in self.target.names() if name.startswith(self.database))


MakeFolder = Callable[..., Folder]


@pytest.fixture
def make_folder(tmp_path: Path, postgres: Server) -> Iterator[MakeFolder]:
    """`make_folder(source, devdb, masks)`: a project over a source database. What it makes is dropped after the test."""
    made: list[Folder] = []

    def make(source: Database, devdb: str, masks: str = "", *, target: Server | None = None, **kwargs: Any) -> Folder:
        path = tmp_path / f"project{len(made)}"
        path.mkdir()
        folder = Folder(path, source, target or postgres, unique_name("dev"))
        folder.write(devdb=devdb, masks=masks, **kwargs)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        for name in folder.names():
            folder.target.drop(name)

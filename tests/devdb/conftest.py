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
from penstock.api.project import Project
from penstock.cli import options
from tests.conftest import MakeDatabase
from tests.devdb.small_shop import DEVDB, MASKS, SHOP
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

    def write(
        self, *, devdb: str | None = None, masks: str | None = None, key: str = KEY, connections: str = ""
    ) -> None:
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
            fields = {
                "role": role,
                "host": server.host,
                "port": server.port,
                "user": server.user,
                "dbname": dbname,
            }
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

    def log_in_as(self, connection: str, user: str, password: str) -> None:
        """Let one of the project's connections (`prod`, `dev`) use this role."""
        path, env = self.path / "penstock.toml", self.path / ".env"
        server, variable = (
            (self.source.server, "SOURCE_PASSWORD")
            if connection == "prod"
            else (self.target, "TARGET_PASSWORD")
        )
        head, mark, rest = path.read_text().partition(f"[connections.{connection}]")
        path.write_text(head + mark + rest.replace(f'user = "{server.user}"', f'user = "{user}"', 1))
        lines = [line for line in env.read_text().splitlines() if not line.startswith(variable)]
        env.write_text("\n".join([*lines, f"{variable}='{password}'"]) + "\n")

    def names(self) -> list[str]:
        """Databases on the target whose names begin with ours: the finished one and debris."""
        return sorted(name for name in self.target.names() if name.startswith(self.database))


MakeFolder = Callable[..., Folder]
MakeRole = Callable[..., tuple[str, str]]


@pytest.fixture
def make_folder(tmp_path: Path, postgres: Server) -> Iterator[MakeFolder]:
    """`make_folder(source, devdb, masks)`: a project over a source database. What it makes is dropped after the test."""
    made: list[Folder] = []

    def make(
        source: Database, devdb: str, masks: str = "", *, target: Server | None = None, **kwargs: Any
    ) -> Folder:
        path = tmp_path / f"project{len(made)}"
        path.mkdir()
        folder = Folder(path, source, target or postgres, unique_name("dev"))
        folder.write(devdb=devdb, masks=masks, **kwargs)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        if folder.target.embedded is not None and not folder.target.embedded.is_running:
            continue  # a server of the test's own, gone with all it held
        for name in folder.names():
            folder.target.drop(name)


@pytest.fixture
def make_role(postgres: Server, make_database: object) -> Iterator[MakeRole]:
    """`make_role("CREATEDB")`: a role's name and its password, which is not an easy one. Gone after the test, with all it owns."""
    made: list[str] = []

    def make(attributes: str = "") -> tuple[str, str]:
        name, password = unique_name("role"), "sw0rd:f!sh@%/"
        postgres.maintenance.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {attributes}")
        made.append(name)
        return name, password

    yield make
    for name in made:
        for (owned,) in postgres.maintenance.rows(
            "SELECT datname::text FROM pg_database WHERE pg_get_userbyid(datdba) = $1", name
        ):
            postgres.drop(owned)
        for (database,) in postgres.maintenance.rows(
            "SELECT datname::text FROM pg_database WHERE datallowconn"
        ):
            if postgres.database(database).rows(
                "SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = $1 "
                "AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",
                name,
            ):
                postgres.database(database).psql(f"DROP OWNED BY {name}")
        postgres.maintenance.psql(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    """A project over the small shop."""
    return make_folder(make_database(SHOP), DEVDB, MASKS)


@pytest.fixture
def made(folder: Folder) -> Folder:
    """The same, and its development database is there."""
    assert folder.run("dev", "create", "small").code == 0
    return folder


@pytest.fixture
def templated(folder: Folder) -> Folder:
    """A project over the small shop, whose template is there, and nothing else."""
    done = folder.run("dev", "create", "small", "--template")
    assert done.code == 0, done.err
    return folder

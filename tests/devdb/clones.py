"""A project over a database that already holds the real values, to be scrubbed in place."""

from __future__ import annotations

import json
from pathlib import Path

from tests.devdb.conftest import Done, Folder
from tests.servers import Database, Server


class Clone(Folder):
    """The connection `clone` is a target whose database, `database`, is to be scrubbed; `prod` is its source."""

    def scrub(self, *options: str) -> Done:
        return self.run(*self.command, *options)

    @property
    def command(self) -> tuple[str, ...]:
        return ("dev", "scrub", "clone", "--confirm", self.database)


def make_clone(
    path: Path, source: Database, clone: Database, masks: str, devdb: str = "", *, port: int | None = None
) -> Clone:
    """The project's files. `port`: the way to the clone's server, where it is not its own."""
    path.mkdir()
    folder = Clone(path, source, clone.server, clone.name)
    folder.write(masks=masks)
    lines = [
        '[project]\nname = "test"',
        *_connection("prod", "source", source, source.server.port, "SOURCE_PASSWORD"),
        *_connection("clone", "target", clone, port or clone.server.port, "TARGET_PASSWORD"),
        devdb,
    ]
    (path / "penstock.toml").write_text("\n".join(lines) + "\n")
    return folder


def _connection(name: str, role: str, database: Database, port: int, variable: str) -> list[str]:
    server: Server = database.server
    fields = {"role": role, "host": server.host, "port": port, "user": server.user, "dbname": database.name}
    lines = [
        f"\n[connections.{name}]",
        'sslmode = "disable"',
        *(f"{k} = {json.dumps(v)}" for k, v in fields.items()),
    ]
    return [*lines, f'password = "${{{variable}}}"'] if server.password else lines

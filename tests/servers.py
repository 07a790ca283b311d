"""Throw-away PostgreSQL servers and databases for the tests.

Independent of the code under test wherever a test judges by it: databases are filled by `psql` and looked at with
asyncpg directly, never through `penstock`'s own sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from penstock.engines.postgres.embedded import (
    EmbeddedServer,
    is_reachable,
    programs_major,
    server_account,
    system_programs,
    wheel_programs,
)

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# The public sample databases, as files below SHARED_DATA.
SAMPLES = {
    "pagila": "pagila/pagila.sql.gz",
    "northwind": "northwind/northwind.sql.gz",
    "chinook": "chinook/chinook-postgres.sql.gz",
    "gitlab": "gitlab-schema/structure.sql.gz",
}

# Nothing here outlives the tests, so nothing needs to reach the disk. Autovacuum is off: it would change row
# estimates at moments of its own. GitLab's 969 tables need more locks than the default allows in one transaction.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "120",
    "max_locks_per_transaction": "1024",
    "max_prepared_transactions": "10",
    "max_wal_size": "512MB",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_statement": "none",
}

# What the servers of eight workers may need at once, with as much left for others.
_ROOM_IN_MEMORY = 8 << 30

_names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL server: ours, or one that was there (`PENSTOCK_TEST_DSN`)."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    programs: Path
    embedded: EmbeddedServer | None = None

    @property
    def major(self) -> int:
        return programs_major(self.programs)

    def database(self, name: str) -> Database:
        """A database of this server by name, whether it exists or not."""
        return Database(self, name)

    @property
    def maintenance(self) -> Database:
        """The database to give orders about other databases in."""
        return self.database("postgres")

    def create(self, name: str, *, template: str = "template0", clause: str = "") -> Database:
        self.maintenance.psql(f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)} {clause}")
        return self.database(name)

    def drop(self, name: str) -> None:
        if self.maintenance.rows("SELECT FROM pg_database WHERE datname = $1 AND datistemplate", name):
            self.maintenance.psql(f"ALTER DATABASE {_quoted(name)} IS_TEMPLATE false")
        self.maintenance.psql(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def names(self) -> set[str]:
        """The names of all databases of the server."""
        return {str(row[0]) for row in self.maintenance.rows("SELECT datname FROM pg_database")}


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a test server."""

    server: Server
    name: str

    @property
    def dsn(self) -> str:
        """The connection URL, password included."""
        server = self.server
        secret = f":{quote(server.password, safe='')}" if server.password else ""
        if server.host.startswith("/"):
            place, socket = "", f"?host={quote(server.host, safe='')}&port={server.port}"
        else:
            place, socket = f"{server.host}:{server.port}", ""
        return f"postgresql://{server.user}{secret}@{place}/{quote(self.name, safe='')}{socket}"

    @property
    def settings(self) -> Any:
        """The `ConnectionSettings` of a source."""
        return self.settings_as("source")

    def settings_as(self, role: str, *, name: str = "", params: Mapping[str, str] | None = None) -> Any:
        """The `ConnectionSettings` under a role (and by default the role's name)."""
        from penstock.project.connections import ConnectionSettings
        from penstock.project.secret import Secret

        server = self.server
        return ConnectionSettings(
            name=name or role,
            role=role,  # type: ignore[arg-type]
            host=server.host,
            port=server.port,
            dbname=self.name,
            user=server.user,
            password=Secret(server.password, "test") if server.password else None,
            sslmode=None,
            params=dict(params or {}),
        )

    def psql(
        self, script: str, *, stop_on_error: bool = True, variables: Mapping[str, str] | None = None
    ) -> str:
        """Run a script through psql (backslash commands and COPY data included); what it prints, unaligned."""
        options = [f"--set={name}={value}" for name, value in (variables or {}).items()]
        done = subprocess.run(
            [
                str(self.server.programs / "psql"),
                *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"),
                f"--set=ON_ERROR_STOP={1 if stop_on_error else 0}",
                *options,
            ],
            input=script.encode(),
            capture_output=True,
            env=self.environment,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"psql on {self.name}: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout.decode(errors="replace").removesuffix("\n")

    @property
    def environment(self) -> dict[str, str]:
        """What libpq's programs need in their environment to come here."""
        server = self.server
        return {
            "PATH": os.environ.get("PATH", ""),
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
            "PGDATABASE": self.name,
            "PGCLIENTENCODING": "UTF8",
            "PGAPPNAME": "penstock-tests",
        }

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """The rows of one query, fetched without any of Penstock's code."""

        async def fetch() -> list[tuple[Any, ...]]:
            connection = await self.connect()
            try:
                return [tuple(row) for row in await connection.fetch(query, *arguments)]
            finally:
                await connection.close()

        return _in_own_loop(fetch())

    def value(self, query: str, *arguments: object) -> Any:
        """The first column of the first row."""
        return self.rows(query, *arguments)[0][0]

    def execute(self, *statements: str) -> None:
        """Run statements (several in one string are one transaction)."""

        async def run() -> None:
            connection = await self.connect()
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        _in_own_loop(run())

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own, to be used in one's own event loop."""
        server = self.server
        return await asyncpg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password or None,
            database=self.name,
            ssl=False,
            server_settings={"application_name": "penstock-tests"},
        )


@contextlib.contextmanager
def throw_away_server(
    programs: Path, *, standby_of: Server | None = None, options: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server in a temporary folder, gone at the end whatever happens."""
    with temporary_folder(_memory_disk()) as place:
        embedded = EmbeddedServer(
            place / "server",
            programs=programs,
            password=secrets.token_urlsafe(12) if standby_of is None else standby_of.password,
            options={**OPTIONS, **(options or {})},
        )
        try:
            if standby_of is not None:
                if standby_of.embedded is None:
                    raise AssertionError("A standby needs a primary that the tests started.")
                embedded.create(base_backup_of=standby_of.embedded)
            embedded.start()
            yield Server(embedded.host, embedded.port, embedded.user, embedded.password, programs, embedded)
        finally:
            with contextlib.suppress(Exception):
                embedded.stop()


def existing_server(dsn: str, programs: Path) -> Server:
    """The server behind a URL such as `postgresql://postgres@127.0.0.1:5432`."""
    parts = urlsplit(dsn)
    return Server(
        parts.hostname or "127.0.0.1",
        parts.port or 5432,
        unquote(parts.username or "postgres"),
        unquote(parts.password or ""),
        programs,
    )


def usable_programs() -> Path:
    """Those `PENSTOCK_TEST_PG_BIN` names, else the newest installed PostgreSQL, else the embedded one."""
    chosen = os.environ.get("PENSTOCK_TEST_PG_BIN")
    return Path(chosen) if chosen else system_programs() or wheel_programs()


def sample_file(sample: str) -> Path:
    return SHARED_DATA / SAMPLES[sample]


def load_template(server: Server, sample: str) -> str:
    """The name of a database that holds a sample, loaded when it is not there yet. Nobody connects to it."""
    name = f"penstock_template_{sample}"
    if name in server.names():
        return name
    draft = server.create(unique_name(sample))
    script = gzip.decompress(sample_file(sample).read_bytes()).decode()
    if sample == "chinook":
        # Its script drops and makes a database of its own and goes there.
        script = script.partition("\\c chinook;")[2]
    draft.psql(script)
    draft.execute("ANALYZE")
    try:
        server.maintenance.psql(f"ALTER DATABASE {_quoted(draft.name)} RENAME TO {_quoted(name)}")
    except AssertionError:
        server.drop(draft.name)
        if name not in server.names():  # another test run on the same server was quicker
            raise
    return name


def unique_name(stem: str) -> str:
    """A database name that no other test and no other test run uses."""
    return f"pt_{os.getpid()}_{next(_names)}_{stem}"[:60]


def wait_for_standby(primary: Server, standby: Server, timeout_seconds: float = 30.0) -> None:
    """Wait until the standby has replayed all that the primary has written so far."""
    position = primary.maintenance.value("SELECT pg_current_wal_insert_lsn()::text")
    steps = int(timeout_seconds / 0.05)
    for _step in range(steps):
        if standby.maintenance.value("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", position):
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"The standby did not reach the primary's position in {timeout_seconds} s.")


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that the server's account can enter, which root's TMPDIR need not be; gone at the end."""
    account = server_account()
    parent = parent or Path(tempfile.gettempdir())
    if account is not None and not is_reachable(parent, account):
        parent = Path("/var/tmp")
    folder = Path(tempfile.mkdtemp(prefix="penstock-test-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory_disk() -> Path | None:
    """A file system in memory with room for servers, or None.

    A database is 300 files. On a disk, making and dropping hundreds of them is half of what the servers do: ext4 looks
    long for a file number that nobody gave back just now.
    """
    place = Path("/dev/shm")
    has_room = os.access(place, os.W_OK | os.X_OK) and shutil.disk_usage(place).free >= _ROOM_IN_MEMORY
    return place if has_room else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _in_own_loop(work: Any) -> Any:
    """Run a coroutine to its end, also where an event loop runs already."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]

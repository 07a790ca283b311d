"""A server to build in where the project has no target: the embedded PostgreSQL, for the length of one run.

It lives below `.penstock/`. A killed run leaves it running; the next one stops and removes it before it makes its own.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from penstock.engines.postgres.embedded import EmbeddedServer, reachable_directory, wheel_programs
from penstock.errors import DatabaseError, TargetRefused
from penstock.lake.staging import storing
from penstock.project.connections import ConnectionSettings
from penstock.project.secret import Secret

# What is lost with the machine is made again.
_OPTIONS = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal",
    "max_wal_senders": "0", "max_wal_size": "4GB", "max_locks_per_transaction": "1024",
}  # fmt: skip


@contextmanager
def scratch_server(state_dir: Path) -> Iterator[ConnectionSettings]:
    """An empty server of our own; gone at the end. Raises `DatabaseError` where the extra `embedded` is missing."""
    try:
        programs = wheel_programs()
    except DatabaseError as error:
        raise DatabaseError(
            "there is no server to build the copy in",
            why=f"no connection has the role target, and {error.why}",
            hint=f'{error.hint}   or add a [connections.dev] with role = "target"',
        ) from None
    with storing("writing to", state_dir):
        state_dir.mkdir(parents=True, exist_ok=True)
    with _alone(state_dir / "scratch.lock"):
        password = secrets.token_urlsafe(24)
        server = EmbeddedServer(
            reachable_directory(state_dir / "scratch"), programs=programs, password=password, options=_OPTIONS
        )
        _remove(server)
        try:
            server.start()
            yield ConnectionSettings(
                name="scratch",
                role="target",
                host=server.host,
                port=server.port,
                dbname="postgres",
                user=server.user,
                password=Secret(password, "made for this run"),
            )
        finally:
            _remove(server)


def _remove(server: EmbeddedServer) -> None:
    if server.directory.exists():
        with suppress(DatabaseError):
            server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One scratch server per project at a time. The lock ends with the process."""
    with storing("writing to", path.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TargetRefused(
                "another run of this project uses the scratch server", hint="wait for it, or end it"
            ) from None
        yield
    finally:
        os.close(handle)

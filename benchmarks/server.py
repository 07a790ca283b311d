"""The server the benchmarks use, thrown away afterwards, and its psql."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.engines.postgres.embedded import (
    EmbeddedServer,
    reachable_directory,
    system_programs,
    wheel_programs,
)

OPTIONS = {"fsync": "off", "shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off"}


@contextmanager
def server() -> Iterator[EmbeddedServer]:
    """A throw-away server: the installed PostgreSQL, else the embedded one."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        Path(folder).chmod(0o755)
        running = EmbeddedServer(
            reachable_directory(Path(folder) / "server"),
            programs=system_programs() or wheel_programs(),
            password=secrets.token_urlsafe(12),
            options=OPTIONS,
        )
        try:
            running.start()
            yield running
        finally:
            running.stop()


def psql(running: EmbeddedServer, database: str, statement: str) -> str:
    done = subprocess.run(
        [str(running.programs / "psql"), "-qXAt", "-v", "ON_ERROR_STOP=1"],
        env=environment(running, database),
        input=statement,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def environment(running: EmbeddedServer, database: str) -> dict[str, str]:
    """What libpq needs to know, and nothing else of ours."""
    return {
        "PGHOST": running.host,
        "PGPORT": str(running.port),
        "PGUSER": running.user,
        "PGPASSWORD": running.password,
        "PGDATABASE": database,
        "PATH": os.environ["PATH"],
    }

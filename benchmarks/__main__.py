"""The masked copy beside `psql COPY | psql COPY` of the same rows: `python -m benchmarks [--rows N] [--rounds N]`.

Starts a server of its own, makes the data, and runs the two in turn, so that a drift of the machine's speed meets both.
Prints every round, the median ratio, and the peak memory of the masking process. Nothing here decides whether a test passes.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clone import measure_clone
from benchmarks.commands import measure_commands
from benchmarks.tables import TABLES, BenchTable
from penstock.engines.postgres.embedded import (
    EmbeddedServer,
    reachable_directory,
    system_programs,
    wheel_programs,
)

OPTIONS = {"fsync": "off", "shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", choices=("copy", "clone", "prune", "commands"), help="one part instead of all"
    )
    arguments = parser.parse_args()
    from benchmarks.pruned import measure_prunes  # which uses this module

    def wanted(part: str) -> bool:
        return arguments.only in (None, part)

    with server() as running:
        for table in TABLES if wanted("copy") else ():
            measure(running, table, arguments.rows, arguments.rounds)
        if wanted("clone"):
            measure_clone(running, arguments.rows, arguments.rounds)
        if wanted("prune"):
            measure_prunes(running, arguments.rows * 5 // 3)
    if wanted("commands"):
        measure_commands()


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


def measure(running: EmbeddedServer, table: BenchTable, rows: int, rounds: int) -> None:
    for database in ("source", "plain", "masked"):
        psql(running, "postgres", f"DROP DATABASE IF EXISTS {database}")
        psql(running, "postgres", f"CREATE DATABASE {database}")
        psql(running, database, table.ddl)
    psql(running, "source", table.fill.format(rows=rows))
    psql(running, "source", "VACUUM ANALYZE bench")
    size = psql(running, "source", "SELECT sum(pg_column_size(b.*)) / 1000000 FROM bench b")
    kinds = ", ".join(sorted(set(table.masks.values())))
    print(f"\n{table.name}: {rows:,} rows, {size} MB, {len(table.masks)} masked columns ({kinds})")
    ratios = []
    for number in range(rounds):
        psql(running, "plain", "TRUNCATE bench")
        psql(running, "masked", "TRUNCATE bench")
        psql(running, "postgres", "CHECKPOINT")  # neither pays for the pages the other left dirty
        plain = piped(running)
        psql(running, "postgres", "CHECKPOINT")
        masked, memory = masked_copy(running, table)
        ratios.append(masked / plain)
        print(
            f"  round {number + 1}: psql | psql {plain:6.2f} s   masked {masked:6.2f} s   "
            f"ratio {masked / plain:.2f}   peak memory {memory} MB"
        )
    copied = psql(running, "masked", "SELECT count(*) FROM bench")
    assert int(copied) == rows, "the masked copy lost rows"
    print(f"  median ratio {statistics.median(ratios):.2f} (goal: at most 1.50)")


def psql(running: EmbeddedServer, database: str, statement: str) -> str:
    done = subprocess.run(
        [str(running.programs / "psql"), "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", statement],
        env=environment(running, database),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def piped(running: EmbeddedServer) -> float:
    """Seconds `psql COPY TO | psql COPY FROM` takes."""
    client = str(running.programs / "psql")
    started = time.monotonic()
    reader = subprocess.Popen(
        [client, "-qX", "-c", "COPY bench TO STDOUT"],
        env=environment(running, "source"),
        stdout=subprocess.PIPE,
    )
    writer = subprocess.run(
        [client, "-qX", "-c", "COPY bench FROM STDIN"],
        env=environment(running, "plain"),
        stdin=reader.stdout,
        check=True,
    )
    if reader.wait() or writer.returncode:
        raise SystemExit("psql failed")
    return time.monotonic() - started


def masked_copy(running: EmbeddedServer, table: BenchTable) -> tuple[float, int]:
    """Seconds of the copy, and the process's peak memory in MB. A process of its own, so that memory is its own."""
    task = {
        "host": running.host,
        "port": running.port,
        "user": running.user,
        "masks": dict(table.masks),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.masked_copy", json.dumps(task)],
        env={**environment(running, "source"), "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    return float(result["seconds"]), int(result["memory_mb"])


def environment(running: EmbeddedServer, database: str) -> dict[str, str]:
    return {
        "PGHOST": running.host,
        "PGPORT": str(running.port),
        "PGUSER": running.user,
        "PGPASSWORD": running.password,
        "PGDATABASE": database,
        "PATH": "/usr/bin:/bin",
    }


if __name__ == "__main__":
    main()

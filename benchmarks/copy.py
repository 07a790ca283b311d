"""The masked copy beside `psql COPY | psql COPY` of the same rows, in turn, so that a drift of the machine meets both."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from benchmarks.server import environment, psql
from benchmarks.tables import BenchTable
from penstock.engines.postgres.embedded import EmbeddedServer


def measure_copy(running: EmbeddedServer, table: BenchTable, rows: int, rounds: int) -> None:
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

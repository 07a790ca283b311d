"""A prune beside the recipe people follow by hand, on 5 M rows whose foreign keys have no indexes: `python -m benchmarks.pruned`.

By hand: every foreign key becomes ON DELETE CASCADE, the indexes that lack are added (without them the deletion is not
seen to end: a part is timed and the rest computed), DELETE, the added indexes and cascades are taken away again, VACUUM
FULL. Both start from a copy of one database, in turn, after a checkpoint; what they leave must be equal row by row. Then
the pruned database is dumped and loaded afresh, and the sizes of the files are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.server import environment, psql, server
from penstock.devdb.config import DeleteSettings, DevdbSettings
from penstock.devdb.context import context_of
from penstock.devdb.planning.choosing import rows_in
from penstock.devdb.planning.ways import ways
from penstock.devdb.progress import Silent
from penstock.devdb.prune.engine import Task, prune
from penstock.devdb.prune.reading import reading
from penstock.engines.postgres.embedded import EmbeddedServer
from penstock.project import settings as project_settings

_SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, email text UNIQUE, created date NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, note text, placed timestamptz NOT NULL);
CREATE TABLE line (id int PRIMARY KEY, order_id int NOT NULL, product text NOT NULL, amount numeric NOT NULL);
CREATE TABLE payment (id int PRIMARY KEY, order_id int NOT NULL, method text NOT NULL, paid timestamptz);
CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO product SELECT n, 'product ' || n FROM generate_series(1, 1000) n;
INSERT INTO customer SELECT n, 'name ' || md5(n::text), md5((n * 7)::text) || '@example.com',
           date '2020-01-01' + n % 2000
    FROM generate_series(1, {rows} / 50) n;
INSERT INTO orders SELECT n, 1 + (n::bigint * 7919) % ({rows} / 50), 'note ' || md5(n::text),
           timestamptz '2026-01-01' + n * interval '1 min'
    FROM generate_series(1, {rows} / 5) n;
INSERT INTO line SELECT n, 1 + (n::bigint * 104729) % ({rows} / 5), 'product ' || n % 1000, n % 9999 / 100.0
    FROM generate_series(1, {rows} * 58 / 100) n;
INSERT INTO payment SELECT n, 1 + n % ({rows} / 5), 'card', timestamptz '2026-01-01' + n * interval '1 min'
    FROM generate_series(1, {rows} / 5) n;
CREATE INDEX line_product ON line (product);
CREATE INDEX orders_placed ON orders (placed);
ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE line ADD CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE payment ADD CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders;
"""
_KEYS = (("orders", "of_customer", "customer_id", "customer"), ("line", "of_order", "order_id", "orders"),
         ("payment", "of_order", "order_id", "orders"))  # fmt: skip
_SIZES = """
SELECT string_agg(relname || ' ' || bytes, ',' ORDER BY relname)
  FROM (SELECT CASE relkind WHEN 'i' THEN 'index ' ELSE '' END || relname AS relname, pg_relation_size(oid) AS bytes
          FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace) s
"""
_SUM = "SELECT md5(string_agg(h, '' ORDER BY h)) FROM (SELECT md5(t::text) AS h FROM {table} t) s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pruned", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    arguments = parser.parse_args()
    with server() as running:
        measure_prunes(running, arguments.rows)


def measure_prunes(running: EmbeddedServer, rows: int) -> None:
    """Print both times, the ratio, and the sizes, where most rows go and where few do."""
    psql(running, "postgres", "CREATE DATABASE shop")
    psql(running, "shop", _SHOP.format(rows=rows))
    psql(running, "shop", "VACUUM (ANALYZE)")
    print(
        f"\nprune: {psql(running, 'shop', 'SELECT count(*) FROM line')} lines, {rows:,} rows in all, no index on a foreign key"
    )
    print(f"  by hand without adding indexes: {_without_indexes(running, rows)}")
    for share, gone in (("90 %", "id % 10 <> 0"), ("20 %", "id % 5 = 0"), ("4 %", "id % 25 = 0")):
        by_hand = _timed(running, "byhand", lambda name, gone=gone: _by_hand(running, name, gone))
        pruned = _timed(running, "pruned", lambda name, gone=gone: _prune(running, name, gone))
        for table in ("customer", "orders", "line", "payment", "product"):
            assert psql(running, "byhand", _SUM.format(table=table)) == psql(
                running, "pruned", _SUM.format(table=table)
            ), f"the two differ in {table}"
        print(
            f"  {share} of the customers go: by hand {by_hand:7.2f} s   pruned {pruned:6.2f} s   "
            f"ratio {pruned / by_hand:.2f} (goal: 0.33)"
        )
        _compare_sizes(running)


def _timed(running: EmbeddedServer, name: str, work: Callable[[str], None]) -> float:
    psql(running, "postgres", f"DROP DATABASE IF EXISTS {name}")
    psql(running, "postgres", f"CREATE DATABASE {name} TEMPLATE shop STRATEGY FILE_COPY")
    psql(running, "postgres", "CHECKPOINT")
    started = time.monotonic()
    work(name)
    return time.monotonic() - started


def _by_hand(running: EmbeddedServer, name: str, gone: str) -> None:
    for child, key, column, parent in _KEYS:
        psql(running, name, f"CREATE INDEX added_{child} ON {child} ({column})")
        _again(running, name, child, key, column, parent, "ON DELETE CASCADE")
    psql(running, name, f"DELETE FROM customer WHERE {gone}")
    for child, key, column, parent in _KEYS:
        _again(running, name, child, key, column, parent, "")
        psql(running, name, f"DROP INDEX added_{child}")
    psql(running, name, "VACUUM (FULL, ANALYZE)")


def _again(
    running: EmbeddedServer, name: str, child: str, key: str, column: str, parent: str, action: str
) -> None:
    psql(
        running,
        name,
        f"ALTER TABLE {child} DROP CONSTRAINT {key}, "
        f"ADD CONSTRAINT {key} FOREIGN KEY ({column}) REFERENCES {parent} {action}",
    )


def _without_indexes(running: EmbeddedServer, rows: int) -> str:
    """What the deletion would take without them: ten customers are timed."""
    psql(running, "postgres", "CREATE DATABASE slow TEMPLATE shop STRATEGY FILE_COPY")
    for child, key, column, parent in _KEYS:
        _again(running, "slow", child, key, column, parent, "ON DELETE CASCADE")
    started = time.monotonic()
    psql(running, "slow", "DELETE FROM customer WHERE id BETWEEN 1 AND 10")
    seconds = time.monotonic() - started
    psql(running, "postgres", "DROP DATABASE slow")
    return (
        f"{seconds:.1f} s for 10 customers, ≈{seconds / 10 * rows / 50 * 0.9 / 3600:,.0f} h for 90 % of them"
    )


def _prune(running: EmbeddedServer, name: str, gone: str) -> None:
    """As the command does it, workers included: they read the project's files."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        _write_project(Path(folder), running)
        settings = DevdbSettings(strategy="prune", delete=(DeleteSettings("public.customer", gone),))
        context = context_of(project_settings.load(Path(folder)), "pruned", settings)
        shown = _Times()
        with reading(context, name) as session:
            catalog, _, going = rows_in(context, session, shown)
        prune(context, name, Task(catalog, going, ways(catalog, going, {}, "full"), {}), shown)
    print("    " + ", ".join(shown.said))


def _write_project(folder: Path, running: EmbeddedServer) -> None:
    (folder / ".env").write_text(f"PENSTOCK_KEY={bytes(range(32)).hex()}\nPASSWORD='{running.password}'\n")
    fields = {"host": running.host, "port": running.port, "user": running.user, "dbname": "postgres"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    lines += ['password = "${PASSWORD}"', 'sslmode = "disable"']
    sections = [
        '[project]\nname = "bench"',
        *("\n".join((f"[connections.{role}]", f'role = "{role}"', *lines)) for role in ("source", "target")),
        "[devdb.pruned]",
    ]
    (folder / "penstock.toml").write_text("\n".join(sections) + "\n")
    (folder / "masks.toml").write_text("")


class _Times(Silent):
    """How long each task took."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._started: dict[str, float] = {}

    def start(self, task: str, total_rows: int | None = None) -> None:  # noqa: ARG002
        self._started[task] = time.monotonic()

    def finish(self, task: str) -> None:
        self.said.append(f"{task} {time.monotonic() - self._started[task]:.2f} s")


def _compare_sizes(running: EmbeddedServer) -> None:
    psql(running, "postgres", "DROP DATABASE IF EXISTS fresh")
    psql(running, "postgres", "CREATE DATABASE fresh TEMPLATE template0")
    dump = subprocess.Popen(
        [str(running.programs / "pg_dump"), "-Fc", "-Z0"],
        env=environment(running, "pruned"),
        stdout=subprocess.PIPE,
    )
    subprocess.run(
        [str(running.programs / "pg_restore"), "-d", "fresh"],
        env=environment(running, "fresh"),
        stdin=dump.stdout,
        check=True,
    )
    if dump.wait():
        raise SystemExit("pg_dump failed")
    ours, fresh = (_sizes(running, name) for name in ("pruned", "fresh"))
    worst = max(fresh, key=lambda name: abs(ours[name] / fresh[name] - 1))
    total = sum(ours.values()) / sum(fresh.values()) - 1
    print(
        f"    files against a fresh load: {total:+.1%} in all, "
        f"at worst {ours[worst] / fresh[worst] - 1:+.1%} ({worst}); goal: ±10 %"
    )


def _sizes(running: EmbeddedServer, name: str) -> dict[str, int]:
    pairs = (part.rpartition(" ") for part in psql(running, name, _SIZES).split(","))
    return {relation: int(size) for relation, _, size in pairs}


if __name__ == "__main__":
    main()

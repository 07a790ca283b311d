"""A whole masked clone beside `pg_dump -Fd -j2 | pg_restore -j2` and, where it is installed, `pgcopydb clone`, neither of
which masks: a shop of 3 million rows with indexes, unique and foreign keys, on one server, in turn."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import environment, psql
from benchmarks.shares import Shares
from penstock.engines.postgres.embedded import EmbeddedServer

WORKERS = 2

DDL = """
CREATE TABLE customer (
    id bigint PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, phone text, city text NOT NULL,
    born date, note text, created timestamptz NOT NULL);
CREATE TABLE product (id int PRIMARY KEY, code text NOT NULL UNIQUE, title text NOT NULL, price numeric(10, 2) NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, placed timestamptz NOT NULL,
    state text NOT NULL, address text NOT NULL, total numeric(12, 2) NOT NULL, parcel text NOT NULL);
CREATE TABLE order_line (
    order_id bigint NOT NULL REFERENCES orders, line int NOT NULL, product_id int NOT NULL REFERENCES product,
    quantity int NOT NULL, price numeric(10, 2) NOT NULL, remark text, PRIMARY KEY (order_id, line));
CREATE INDEX ON customer (city, name);
CREATE INDEX ON customer (lower(email));
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (placed);
CREATE INDEX ON order_line (product_id);
"""
# 1 of 10 rows is a customer, 3 an order, 6 an order line; 10,000 products.
FILL = """
INSERT INTO product SELECT i, 'P-' || i, 'product ' || md5(i::text), (i % 9000) / 7.0 FROM generate_series(1, 10000) i;
INSERT INTO customer SELECT i, 'user' || i || '@mail' || i % 97 || '.example', 'Name ' || md5(i::text), '+4366' || 10000000 + i,
    'City ' || i % 500, date '1950-01-01' + i % 20000,
    repeat(md5(i::text) || ' ', 12), timestamptz '2020-01-01' + i * interval '1 min'
    FROM generate_series(1, {rows} / 10) i;
INSERT INTO orders SELECT i, 1 + i::bigint * 7919 % ({rows} / 10), timestamptz '2021-01-01' + i * interval '20 s',
    (ARRAY['new', 'paid', 'sent', 'back'])[1 + i % 4], 'Street ' || md5((i % 100000)::text) || ' ' || i % 200, (i % 99999) / 7.0,
    repeat(md5(i::text), 6)
    FROM generate_series(1, {rows} * 3 / 10) i;
INSERT INTO order_line SELECT 1 + (i - 1) / 2, 1 + i % 2, 1 + i * 31 % 10000, 1 + i % 20, (i % 9000) / 7.0,
    CASE WHEN i % 3 > 0 THEN repeat(md5(i::text), 5) END
    FROM generate_series(1, {rows} * 6 / 10) i;
VACUUM ANALYZE;
"""
MASKS = """
[public.customer]
email = "email"
name = "text"
phone = "text"
city = "keep"
born = "keep"
note = "text"
[public.product]
code = "keep"
title = "keep"
[public.orders]
state = "keep"
address = "text"
parcel = "keep"
[public.order_line]
remark = "keep"
"""


def measure_clone(running: EmbeddedServer, rows: int, rounds: int) -> None:
    psql(running, "postgres", "DROP DATABASE IF EXISTS shop")
    psql(running, "postgres", "CREATE DATABASE shop")
    psql(running, "shop", DDL)
    psql(running, "shop", FILL.format(rows=rows))
    size = psql(running, "shop", "SELECT pg_size_pretty(pg_database_size('shop'))")
    print(
        f"\nclone: {rows:,} rows, {size}, 5 masked columns, 9 indexes, 3 foreign keys, {WORKERS} workers each"
    )
    peers = [dumped] + ([copied] if shutil.which("pgcopydb") else [])
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            seconds = {}
            for peer in peers:
                fresh(running, "plain")
                started = time.monotonic()
                peer(running, Path(folder) / "dump")
                seconds[peer.__doc__ or ""] = time.monotonic() - started
                same(running, "plain", rows)
            psql(running, "postgres", "DROP DATABASE IF EXISTS plain")
            psql(running, "postgres", "CHECKPOINT")
            whole, proof, shares = cloned(running, Path(folder) / "project")
            same(running, "shop_dev", rows)
            psql(running, "postgres", "DROP DATABASE shop_dev")
            told = "   ".join(f"{name} {s:6.2f} s" for name, s in seconds.items())
            print(
                f"  round {number + 1}: {told}   masked clone {whole - proof:6.2f} s, and its proof {proof:6.2f} s"
            )
            print(f"    processor time of the clone: {shares}")
            for name, s in seconds.items():
                ratios.setdefault(name, []).append((whole - proof) / s)
    for name, all_of in ratios.items():
        print(f"  median ratio to {name} {statistics.median(all_of):.2f}")


def fresh(running: EmbeddedServer, database: str) -> None:
    psql(running, "postgres", f"DROP DATABASE IF EXISTS {database}")
    psql(running, "postgres", f"CREATE DATABASE {database}")
    psql(running, "postgres", "CHECKPOINT")


def same(running: EmbeddedServer, database: str, rows: int) -> None:
    found = psql(
        running,
        database,
        "SELECT (SELECT count(*) FROM customer) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_line)",
    )
    if int(found) != rows:
        raise SystemExit(f"{database} has {found} rows")


def dumped(running: EmbeddedServer, folder: Path) -> None:
    """pg_dump -j2, pg_restore -j2"""
    shutil.rmtree(folder, ignore_errors=True)
    run(running, "shop", ["pg_dump", "-Fd", f"-j{WORKERS}", "-f", str(folder), "shop"])
    run(running, "plain", ["pg_restore", f"-j{WORKERS}", "-d", "plain", str(folder)])
    run(running, "plain", ["psql", "-qXc", "ANALYZE"])


def copied(running: EmbeddedServer, folder: Path) -> None:
    """pgcopydb"""
    shutil.rmtree(folder, ignore_errors=True)
    place = f"host={running.host} port={running.port} user={running.user}"
    command = ["pgcopydb", "clone", "--table-jobs", str(WORKERS), "--index-jobs", str(WORKERS), "--dir", str(folder), "--restart",
               "--source", f"{place} dbname=shop", "--target", f"{place} dbname=plain"]  # fmt: skip
    run(running, "plain", command)


def cloned(running: EmbeddedServer, folder: Path) -> tuple[float, float, Shares]:
    """(seconds, of them the proof, processor time before the proof) of `penstock dev create`, a process of its own."""
    folder.mkdir(exist_ok=True)
    side = f'host = "{running.host}"\nport = {running.port}\nuser = "{running.user}"\npassword = "${{PGPASSWORD}}"\n'
    (folder / "penstock.toml").write_text(
        f'[project]\nname = "shop"\n[connections.prod]\nrole = "source"\ndbname = "shop"\n{side}'
        f'[connections.dev]\nrole = "target"\ndbname = "postgres"\n{side}'
        '[devdb.whole]\nstrategy = "clone"\ndatabase = "shop_dev"\n'
    )
    (folder / "masks.toml").write_text(MASKS)
    shares = Shares("shop", "shop_dev")
    with (
        shares,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.clone_timed", str(folder), str(WORKERS)],
            env={
                **environment(running, "shop"),
                "PENSTOCK_KEY": "0123456789abcdef" * 4,
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        told = []
        for line in process.stdout or ():
            if line == "verifying\n":
                shares.end()
            else:
                told.append(line)
    if process.returncode:
        raise SystemExit(f"the clone ended with {process.returncode}")
    result = json.loads("".join(told))
    return result["seconds"], result["proof"], shares


def run(running: EmbeddedServer, database: str, command: list[str]) -> None:
    done = subprocess.run(
        [str(p) if (p := running.programs / command[0]).exists() else command[0], *command[1:]],
        env=environment(running, database),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr[-2000:]}")

"""After a prune the files of a database are as large as those of a fresh load of it."""

from __future__ import annotations

import subprocess

import pytest

from penstock.devdb.config import DeleteSettings, DevdbSettings
from penstock.engines.postgres.clients import find_client_tools
from tests.conftest import MakeDatabase
from tests.devdb.prune.pruning import copied, pruned
from tests.servers import Database

SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, email text UNIQUE);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, note text);
CREATE TABLE line (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, product text);
CREATE INDEX ON line (product);
INSERT INTO customer SELECT n, md5(n::text) FROM generate_series(1, 20000) n;
INSERT INTO orders SELECT n, 1 + n % 20000, repeat(md5(n::text), 3) FROM generate_series(1, 60000) n;
INSERT INTO line SELECT n, 1 + n * 7 % 60000, md5(n::text) FROM generate_series(1, 120000) n;
VACUUM ANALYZE;
"""
SIZES = """
SELECT relname::text, pg_relation_size(oid) FROM pg_class
 WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY 1
"""


def sizes(database: Database) -> dict[str, int]:
    return dict(database.rows(SIZES))


@pytest.mark.parametrize("way", ["delete", "rewrite", None])
@pytest.mark.parametrize("gone", ["id % 10 > 0", "id % 3 = 0", "id % 25 = 0"])
def test_files_are_those_of_a_fresh_load(way: str | None, gone: str, make_database: MakeDatabase) -> None:
    database = make_database(SHOP)
    settings = DevdbSettings(strategy="prune", delete=(DeleteSettings("public.customer", gone),))
    with copied(database) as copy:
        pruned(copy, settings, way=way, jobs=2)
        dump = subprocess.run(
            [str(find_client_tools(copy.server.major, copy.server.major).pg_dump)],
            env=copy.environment,
            capture_output=True,
            check=True,
        )
        fresh = make_database("")
        fresh.psql(dump.stdout.decode())
        fresh.psql("VACUUM")  # from 16 on a file grows by 64 pages at a time; those without rows go
        ours, theirs = sizes(copy), sizes(fresh)
        assert ours.keys() == theirs.keys()
        for name, size in theirs.items():
            assert abs(ours[name] - size) <= 0.1 * size + 8192, name

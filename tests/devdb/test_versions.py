"""From any supported PostgreSQL to any other: a faithful copy, or a refusal that names both versions.

The pairs are the server of the other tests (`PENSTOCK_TEST_PG_BIN`) and the embedded 18, each way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.engines.postgres.reflect.conftest import has_icu
from tests.servers import Database, Server

MakePair = Callable[..., Folder]

# Every example gets a schema of its own.
# What a copy holds whichever way it goes: only the wording of it changed between versions.
EVERYWHERE = {
    "views": """
        CREATE TABLE t (id int PRIMARY KEY, a int);
        INSERT INTO t SELECT n, n FROM generate_series(1, 20) n;
        CREATE VIEW plain WITH (security_barrier) AS SELECT id, a AS b FROM t WHERE a > 3 ORDER BY a;
        CREATE VIEW renamed (x, y) AS SELECT t.id, count(*) OVER () FROM t GROUP BY t.id;
        CREATE MATERIALIZED VIEW kept AS SELECT a, extract(year FROM date '2020-02-02') AS y FROM t;
        CREATE RECURSIVE VIEW counted (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
        CREATE VIEW listed AS SELECT i, j FROM (VALUES (1, 'it''s'), (2, 'b')) AS q (i, j);""",
    "functions with SQL bodies": """
        CREATE TABLE t (id int PRIMARY KEY, a int);
        INSERT INTO t VALUES (1, 2);
        CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT count(*)::int + $1 FROM t; END;
        CREATE VIEW v AS SELECT f(id) AS x FROM t;""",
    "multiranges": """
        CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
        CREATE TABLE t (id int PRIMARY KEY, a int4multirange, b span, c spans);
        INSERT INTO t VALUES (1, '{[1,3),[5,9)}', '[1.5,2)', '{[0.1,0.30000000000000004)}'), (2, '{}', NULL, NULL);""",
    "an identity on a partitioned table": """
        CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, a int) PARTITION BY LIST (a);
        CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
        INSERT INTO t (a) VALUES (1), (1);""",
    "a reference to a partitioned table": """
        CREATE TABLE p (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
        CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
        CREATE TABLE c (id int PRIMARY KEY, b int, a int, FOREIGN KEY (b, a) REFERENCES p);
        INSERT INTO p VALUES (1, 1), (1, 2);
        INSERT INTO c VALUES (1, 1, 1), (2, 1, 2);""",
    "a policy": """
        CREATE TABLE t (id int PRIMARY KEY, a int);
        INSERT INTO t VALUES (1, 2);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON t USING (a = 1);""",
}

# What came with a version: (which, SQL).
SINCE = {
    "NULLS NOT DISTINCT": (15, "CREATE TABLE t (id int PRIMARY KEY, a int, UNIQUE NULLS NOT DISTINCT (a));"
                               "INSERT INTO t VALUES (1, NULL), (2, 3);"),
    "a view of its invoker": (15, "CREATE TABLE t (id int PRIMARY KEY);"
                                  "CREATE VIEW v WITH (security_invoker) AS SELECT id FROM t;"),
    "SET NULL of one column": (15, "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE c (id int PRIMARY KEY,"
                                   " a int, b int, FOREIGN KEY (a, b) REFERENCES p ON DELETE SET NULL (b));"
                                   "INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1, 1, 1);"),
    "a negative scale": (15, "CREATE TABLE t (id int PRIMARY KEY, a numeric(4, -2)); INSERT INTO t VALUES (1, 12300);"),
    "IS JSON": (16, "CREATE TABLE t (id int PRIMARY KEY, a xml, b text CHECK (b IS JSON)); INSERT INTO t VALUES (1);"),
    "JSON_TABLE": (17, "CREATE TABLE t (id int PRIMARY KEY, a jsonb); INSERT INTO t VALUES (1, '[1, 2]');"
                       "CREATE VIEW v AS SELECT x.b FROM t, JSON_TABLE(a, '$[*]' COLUMNS (b int PATH '$')) x;"),
    "an infinite interval": (17, "CREATE TABLE t (id int PRIMARY KEY, a interval); INSERT INTO t VALUES (1, 'infinity');"),
    "a collation of PostgreSQL's own": (17, 'CREATE TABLE t (id int PRIMARY KEY, a int, b text COLLATE pg_c_utf8);'),
    "a virtual column": (18, "CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL,"
                             " c int GENERATED ALWAYS AS (a * 3) STORED, CHECK (b < 1000)); INSERT INTO t VALUES (1, 2), (3, 4);"),
    "a NOT NULL that is NOT VALID": (18, "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL);"
                                         "ALTER TABLE t ADD CONSTRAINT later NOT NULL a NOT VALID;"),
    "a NOT NULL without heirs": (18, "CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT own NOT NULL a NO INHERIT);"
                                     "CREATE TABLE u () INHERITS (t); INSERT INTO u VALUES (1, NULL);"),
    "WITHOUT OVERLAPS": (18, "CREATE TABLE t (id int4range, a daterange, PRIMARY KEY (id, a WITHOUT OVERLAPS));"
                             "CREATE TABLE c (id int PRIMARY KEY, t int4range, a daterange,"
                             " FOREIGN KEY (t, PERIOD a) REFERENCES t (id, PERIOD a));"
                             "INSERT INTO t VALUES ('[1,2)', '[2020-01-01,2021-01-01)'), ('[1,2)', '[2021-01-01,2022-01-01)');"
                             "INSERT INTO c VALUES (1, '[1,2)', '[2020-06-01,2021-06-01)');"),
    "a CHECK that is NOT ENFORCED": (18, "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0) NOT ENFORCED);"
                                         "INSERT INTO t VALUES (1, -1);"),
    "a foreign key that is NOT ENFORCED": (18, "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY,"
                                               " a int REFERENCES p NOT ENFORCED);"
                                               "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1), (2, 77);"),
    "uuidv7": (18, "CREATE TABLE t (id uuid DEFAULT uuidv7() PRIMARY KEY); INSERT INTO t DEFAULT VALUES;"),
}  # fmt: skip
KEEP = 'keep = ["*"]\n'
TABLE = "CREATE TABLE public.t (id int PRIMARY KEY);"

TABLES = """
SELECT n.nspname::text, c.relname::text, array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind::text = ANY ($1::text[]) AND NOT c.relispartition AND n.nspname ~ '^example' AND a.attnum > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""


def examples(scripts: Iterable[str]) -> str:
    return "\n".join(
        f"CREATE SCHEMA example{n}; SET search_path = example{n}; {sql}" for n, sql in enumerate(scripts)
    )


def content(database: Database) -> dict[str, list[str]]:
    """The rows of every table and view, as text."""
    return {
        f"{schema}.{name}": [
            text for (text,) in database.rows(f"SELECT t::text FROM {schema}.{name} t ORDER BY 1")
        ]
        for schema, name, _ in database.rows(TABLES, ["r", "p", "v", "m"])
    }


def keeping(source: Database) -> str:
    """Masks that mask nothing."""
    return "".join(
        f"[{schema}.{table}]\n" + "".join(f'{column} = "keep"\n' for column in columns)
        for schema, table, columns in source.rows(TABLES, ["r", "p"])
    )


@pytest.fixture(params=["to 18", "from 18", "18 to 18"])
def pair(request: pytest.FixtureRequest, postgres: Server, embedded18: Server) -> tuple[Server, Server]:
    """Source and target."""
    pairs = {"to 18": (postgres, embedded18), "from 18": (embedded18, postgres)}
    return pairs.get(request.param, (embedded18, embedded18))


@pytest.fixture
def make_pair(pair: tuple[Server, Server], make_database: MakeDatabase, make_folder: MakeFolder) -> MakePair:
    """`make_pair(sql)`: a project that copies everything, unmasked, from one of the pair to the other."""

    def make(sql: str, clause: str = "") -> Folder:
        source = make_database(sql, server=pair[0], clause=clause)
        return make_folder(source, KEEP, keeping(source), target=pair[1])

    return make


def created(folder: Folder) -> Database:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    return folder.made


def test_what_both_servers_know_arrives(pair: tuple[Server, Server], make_pair: MakePair) -> None:
    oldest = min(server.major for server in pair)
    folder = make_pair(
        examples([*EVERYWHERE.values(), *(sql for since, sql in SINCE.values() if since <= oldest)])
    )
    assert content(created(folder)) == content(folder.source)
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 0, verified.out
    folder.made.execute(
        "CREATE OR REPLACE VIEW example0.plain AS SELECT id, a AS b FROM example0.t WHERE a > 4"
    )
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 1
    assert "view example0.plain: definition differs" in verified.out


@pytest.mark.parametrize("what", SINCE)
def test_what_the_target_does_not_know_is_refused_and_both_versions_are_named(
    what: str, postgres: Server, embedded18: Server, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    since, sql = SINCE[what]
    if postgres.major >= since:
        pytest.skip(f"PostgreSQL {postgres.major} knows it")
    source = make_database(examples([sql]), server=embedded18)
    folder = make_folder(source, KEEP, keeping(source), target=postgres)
    done = folder.run("dev", "create", "small")
    assert done.code == 3, done.out + done.err
    assert f"the target's server is PostgreSQL {postgres.major}, the source's 18" in done.err
    assert "use a target of PostgreSQL 18 or newer" in done.err
    assert re.search(
        r"\((TABLE|VIEW|CONSTRAINT|FK CONSTRAINT|CHECK CONSTRAINT) |copying example0.t", done.err
    )
    assert folder.names() == []


def test_the_copy_sorts_as_its_source(pair: tuple[Server, Server], make_pair: MakePair) -> None:
    """The servers' own defaults differ: libc up to 16, PostgreSQL's own order in the embedded 18."""
    upper = "SELECT upper('\u00e9')"
    plain = make_pair(TABLE, "LOCALE 'C'" if pair[0].major < 15 else "LOCALE_PROVIDER libc LOCALE 'C'")
    assert created(plain).value(upper) == plain.source.value(upper) == "\u00e9"
    own = make_pair(TABLE)
    assert created(own).value(upper) == own.source.value(upper) == "\u00c9"


def test_an_order_the_target_does_not_know_is_said_to_be_missing(
    pair: tuple[Server, Server], make_pair: MakePair
) -> None:
    source, target = pair
    if source.major < 15 or not has_icu(source):
        pytest.skip("the source has no ICU")
    folder = make_pair(TABLE, "LOCALE_PROVIDER icu ICU_LOCALE 'und-u-kf-upper' LOCALE 'C'")
    order = "SELECT array_agg(a ORDER BY a) FROM unnest('{a,A,b,B}'::text[]) a"
    assert folder.source.value(order) == ["A", "a", "B", "b"]
    made = created(folder)
    said = made.value("SELECT document::text FROM penstock.manifest")
    assert ("does not sort as icu und-u-kf-upper" in said) == (not has_icu(target))
    assert (made.value(order) == ["A", "a", "B", "b"]) == has_icu(target)

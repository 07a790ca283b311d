"""What delete rules take along, measured against PostgreSQL's own ON DELETE CASCADE and SET NULL."""

from __future__ import annotations

import random

import pytest

from penstock.devdb.config import DeleteSettings, DevdbSettings, EdgeSettings, RootSettings
from penstock.devdb.planning.choosing import rows_in
from penstock.devdb.progress import Silent
from penstock.devdb.prune.reading import reading
from tests.conftest import MakeDatabase
from tests.devdb.closure.closures import schema
from tests.devdb.prune.pruning import content, context_of, copied, pruned
from tests.servers import Database

ROWS = 60


def some_schema(seed: int) -> tuple[str, list[tuple[str, str]], set[tuple[str, str]]]:
    """Five tables that reference each other at random, themselves too; references that are to be cut."""
    chance = random.Random(seed)
    names = [f"t{n}" for n in range(5)]
    script, edges, cut = "", [], set()
    for name in names:
        columns = [f"r{n} int" for n in range(3)]
        script += f"CREATE TABLE {name} (id int PRIMARY KEY, {', '.join(columns)}, pad text);\n"
        parents = [chance.choice(names) for _ in range(3)]
        picked = ", ".join(
            f"CASE WHEN random() < 0.5 THEN 1 + (random() * {ROWS - 1})::int END" for _ in parents
        )
        script += (
            f"INSERT INTO {name} SELECT n, {picked}, repeat('x', n) FROM generate_series(1, {ROWS}) n;\n"
        )
        for n, parent in enumerate(parents):
            edges.append((f"{name}.r{n}", parent))
            if chance.random() < 0.35:
                cut.add((f"{name}.r{n}", parent))
    for edge, parent in edges:
        table, _, column = edge.partition(".")
        action = "SET NULL" if (edge, parent) in cut else "CASCADE"
        script += f"ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {parent} ON DELETE {action};\n"
    return f"SELECT setseed(0.{seed + 1});\n{script}ANALYZE;", edges, cut


@pytest.mark.parametrize("seed", range(8))
def test_what_goes_is_what_a_cascade_deletes_and_what_is_cut_is_what_it_sets_null(
    seed: int, make_database: MakeDatabase
) -> None:
    script, _, cut = some_schema(seed)
    database = make_database(script)
    settings = DevdbSettings(
        strategy="prune",
        delete=(DeleteSettings("public.t0", "id <= 3"), DeleteSettings("public.t3", "id = 40")),
        edge=tuple(EdgeSettings(f"public.{e}", f"public.{parent}.id", cut=True) for e, parent in cut),
    )
    with copied(database) as copy, copied(database) as oracle:
        ways = pruned(copy, settings, jobs=1 + seed % 2)
        oracle.psql("DELETE FROM t0 WHERE id <= 3; DELETE FROM t3 WHERE id = 40;")
        assert content(copy) == content(oracle)
        assert content(copy) != content(database)
        assert set(ways) - {"keep"}


def going(database: Database, settings: DevdbSettings) -> list[str]:
    """What is said of the refusals."""
    context = context_of(database, settings)
    with reading(context, database.name) as session:
        _, _, found = rows_in(context, session, Silent())
    return [f"{error.exit_code} {error.what} {error.why}" for error in found.refused]


DELETE_COUNTRY = (DeleteSettings("public.country", "id = 1"),)


def test_a_rule_that_would_reach_a_protected_table_is_refused_with_the_path(
    make_database: MakeDatabase,
) -> None:
    database = make_database(schema("shop"))
    (refused,) = going(
        database, DevdbSettings(strategy="prune", delete=DELETE_COUNTRY, protect=("public.line",))
    )
    assert refused.startswith("4 ")
    assert "rows of public.line would be deleted, which is protected" in refused
    assert (
        "public.country → public.customer (public.customer.customer_country_id_fkey) → "
        "public.orders (public.orders.orders_customer_id_fkey) → public.line (public.line.line_order_id_fkey)"
    ) in refused


def test_a_cut_on_the_way_keeps_a_protected_table_out_of_reach(make_database: MakeDatabase) -> None:
    database = make_database(schema("shop"))
    cut = (EdgeSettings("public.customer.country_id", "public.country.id", cut=True),)
    settings = DevdbSettings(strategy="prune", delete=DELETE_COUNTRY, protect=("public.line",), edge=cut)
    assert going(database, settings) == []
    with copied(database) as copy:
        before = content(copy)
        pruned(copy, settings)
        assert copy.value("SELECT count(*) FROM country WHERE id = 1") == 0
        assert copy.value("SELECT count(*) FROM customer WHERE country_id = 1") == 0
        assert content(copy)["public.line"] == before["public.line"]


def test_tables_kept_whole_are_protected_from_rules(make_database: MakeDatabase) -> None:
    database = make_database(schema("shop"))
    settings = DevdbSettings(strategy="prune", delete=DELETE_COUNTRY, keep=("public.orders",))
    (refused,) = going(database, settings)
    assert "public.orders would be deleted, which is protected" in refused


def test_with_roots_protected_tables_stay_whole_with_what_they_need(make_database: MakeDatabase) -> None:
    database = make_database(schema("shop"))
    settings = DevdbSettings(
        strategy="prune", root=(RootSettings("public.country", where="false"),), protect=("public.visit",)
    )
    with copied(database) as copy:
        before = content(copy)
        pruned(copy, settings)
        after = content(copy)
        assert after["public.visit"] == before["public.visit"]
        assert copy.value("SELECT count(*) FROM visit") > 0
        assert copy.value("SELECT count(*) FROM line") == 0


def test_roots_and_rules_together_keep_the_closure_without_what_the_rules_take(
    make_database: MakeDatabase,
) -> None:
    database = make_database(schema("hub") + "ANALYZE;")
    roots = (RootSettings("public.customer", where="id <= 3"),)
    rule = (DeleteSettings("public.orders", "id % 2 = 0"),)
    with copied(database) as copy, copied(database) as kept:
        pruned(copy, DevdbSettings(strategy="prune", root=roots, delete=rule))
        pruned(kept, DevdbSettings(strategy="prune", root=roots))
        kept.psql(
            "DELETE FROM line USING orders o WHERE o.id = order_id AND o.id % 2 = 0; DELETE FROM orders WHERE id % 2 = 0"
        )
        assert content(copy) == content(kept)
        assert copy.value("SELECT count(*) FROM orders") > 0


def test_polymorphic_children_go_with_their_parents(make_database: MakeDatabase) -> None:
    database = make_database(schema("virtual_edges"))
    edge = EdgeSettings("public.comment.on_id", "public.issue.id", where="child.on_type = 'issue'")
    rule = (DeleteSettings("public.issue", "id = 1"),)
    with copied(database) as copy:
        pruned(copy, DevdbSettings(strategy="prune", delete=rule, edge=(edge,)))
        assert copy.rows("SELECT id FROM comment ORDER BY id") == [(2,), (3,), (4,), (5,)]


MOVING = """
CREATE TABLE tenant (id int PRIMARY KEY);
CREATE TABLE kind (id int PRIMARY KEY);
CREATE TABLE ev (
    id int GENERATED ALWAYS AS IDENTITY, tenant_id int REFERENCES tenant, kind int REFERENCES kind,
    twice int GENERATED ALWAYS AS (tenant_id * 2) STORED, old boolean NOT NULL, UNIQUE (tenant_id, id)
) PARTITION BY LIST (tenant_id);
CREATE TABLE ev1 PARTITION OF ev FOR VALUES IN (1);
CREATE TABLE ev2 (old boolean NOT NULL, twice int GENERATED ALWAYS AS (tenant_id * 2) STORED, kind int, gone text,
    tenant_id int, id int NOT NULL);
ALTER TABLE ev2 DROP COLUMN gone;
ALTER TABLE ev ATTACH PARTITION ev2 FOR VALUES IN (2);
CREATE TABLE evd PARTITION OF ev DEFAULT;
CREATE INDEX ON ev (kind);
INSERT INTO tenant SELECT generate_series(1, 4);
INSERT INTO kind VALUES (1), (2);
INSERT INTO ev (tenant_id, kind, old) SELECT nullif(n % 5, 0), 1 + n % 2, n % 11 > 0 FROM generate_series(1, 3000) n;
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_whose_partition_key_is_cut_move_to_the_partition_that_takes_them(
    jobs: int, make_database: MakeDatabase
) -> None:
    database = make_database(MOVING)
    cut = EdgeSettings("public.ev.tenant_id", "public.tenant.id", cut=True)
    ending = EdgeSettings("public.ev.kind", "public.kind.id", cut=True)

    def state(tenant: str, condition: str) -> str:
        return f"SELECT id, {tenant}, {tenant} * 2, kind, old FROM ev WHERE {condition} ORDER BY id"

    # Of the partition that takes them most rows go: it is written anew, or emptied.
    for rules, condition in (
        ((DeleteSettings("public.tenant", "id = 2"), DeleteSettings("public.ev", "old AND id % 5 NOT IN (1, 2)")), "id % 5 IN (1, 2) OR NOT old"),
        ((DeleteSettings("public.tenant", "id = 2"), DeleteSettings("public.ev", "id % 5 IN (0, 3, 4)")), "id % 5 IN (1, 2)"),
    ):  # fmt: skip
        with copied(database) as copy:
            pruned(copy, DevdbSettings(strategy="prune", delete=rules, edge=(cut,)), jobs=jobs)
            assert copy.rows("SELECT id, tenant_id, twice, kind, old FROM ev ORDER BY id") == database.rows(
                state("nullif(tenant_id, 2)", condition)
            )
            assert copy.value("SELECT count(*) FROM ev2") == 0
    rooted = DevdbSettings(
        strategy="prune", root=(RootSettings("public.ev", where="id < 2000"),), edge=(cut, ending)
    )
    with copied(database) as copy:
        pruned(copy, rooted, jobs=jobs)
        assert copy.value("SELECT count(*) FROM evd WHERE tenant_id IS NULL AND kind IS NULL") == 1999
        assert copy.value("SELECT count(*) FROM ev") == 1999

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

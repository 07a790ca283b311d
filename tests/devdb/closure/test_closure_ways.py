"""However the pairs of an edge are read (probe, scan, walk), the closure is the same; and the way taken is a sensible one."""

from __future__ import annotations

import random

import pytest

from penstock.devdb.closure import EdgeRule, RootRule, edge_rows, spread
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.edge_rows import Relation, statement
from tests.devdb.closure.closures import catalog_of, close, edge_between, schema, table

TREE = """
CREATE TABLE node (id int PRIMARY KEY, parent_id int REFERENCES node);
INSERT INTO node SELECT n, nullif(n - 1, 0) FROM generate_series(1, 100000) n;
INSERT INTO node SELECT 100000 + n, 100000 + n / 3 FROM generate_series(1, 1000) n WHERE n > 0;
CREATE INDEX ON node (parent_id);
ANALYZE;
"""

ZIGZAG = """
CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int);
INSERT INTO a SELECT n, n FROM generate_series(1, 20000) n;
INSERT INTO b SELECT n, nullif(n + 1, 20001) FROM generate_series(1, 20000) n;
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;
ALTER TABLE b ADD FOREIGN KEY (a_id) REFERENCES a;
CREATE TABLE leaf (id int PRIMARY KEY, a_id int REFERENCES a);
INSERT INTO leaf SELECT n, n * 1000 FROM generate_series(1, 20) n;
CREATE INDEX ON a (b_id); CREATE INDEX ON b (a_id);
ANALYZE;
"""


@pytest.fixture
def tree(make_database):
    return make_database(TREE.replace("100000 + n / 3", "CASE WHEN n < 3 THEN NULL ELSE 100000 + n / 3 END"))


def ways(found):
    return {(step.how, step.reason) for step in found.closure.steps}


def test_a_chain_100_000_deep_is_climbed_in_few_statements(tree):
    found = close(tree, ("node", "id = 100000"), parents_only=True)
    assert found.closure.rows[table("node")].count == 100_000
    assert ("walk", "many rounds") in ways(found)
    assert sum(step.statements for step in found.closure.steps) < 200


def test_a_chain_100_000_deep_is_descended_too(tree):
    found = close(tree, ("node", "id = 1"), trace=True)
    assert found.closure.rows[table("node")].count == 100_000
    path = found.closure.why(table("node"), found.row_id("node", "id = 5000"))
    assert len(path) == 5000
    assert path[-1].reason == "root"


def test_a_shallow_tree_is_probed_and_never_read_whole(tree):
    found = close(tree, ("node", "id = 101000"), parents_only=True)
    depth = len(found.rows("node"))
    assert 5 < depth < 10
    assert {how for how, _ in ways(found)} == {"probe"}


def test_a_cycle_of_two_tables_20_000_deep_is_walked_and_leaves_are_found_on_the_way(make_database):
    database = make_database(ZIGZAG)
    found = close(database, ("b", "id = 20000"))
    assert found.counts() == {"a": 20_000, "b": 20_000, "leaf": 20}
    assert sum(step.statements for step in found.closure.steps) < 200
    up = close(database, ("a", "id = 1"), parents_only=True)
    assert up.counts() == {"a": 20_000, "b": 20_000}


def test_more_pairs_than_were_estimated_are_given_up_once_and_probed_to_the_end(make_database, monkeypatch):
    monkeypatch.setattr(spread, "MAX_WALKED_PAIRS", 1000)
    database = make_database(
        "CREATE TABLE node (id int PRIMARY KEY, parent_id int) WITH (autovacuum_enabled = off);"
        "INSERT INTO node SELECT n, nullif(n - 1, 0) FROM generate_series(1, 10) n; ANALYZE;"
        "INSERT INTO node SELECT n, n - 1 FROM generate_series(11, 3000) n;"
        "ALTER TABLE node ADD FOREIGN KEY (parent_id) REFERENCES node;"
        "UPDATE pg_class SET reltuples = 10 WHERE relname = 'node';"
    )
    found = close(database, ("node", "id = 3000"), parents_only=True)
    assert found.closure.rows[table("node")].count == 3000
    (given_up,) = [step for step in found.closure.steps if step.how == "given up"]
    assert (given_up.reason, given_up.statements, given_up.pairs) == ("too many pairs", 1, 1001)
    assert {how for how, _ in ways(found)} == {"probe", "given up"}


def test_without_an_index_few_rows_are_sent_and_many_found_by_one_scan(make_database):
    database = make_database(schema("hub"))
    for where, expected in (
        ("id <= 5", ("probe", "few rows", 1, 5, 10)),
        (None, ("scan", "no index", 1, 1000, 2000)),
    ):
        found = close(database, ("orders", where))
        (step,) = [s for s in found.closure.steps if s.relation.edge.child == table("line")]
        assert (step.how, step.reason, step.statements, step.rows, step.pairs) == expected


def test_a_probe_reads_its_rows_by_address_and_the_other_side_by_index(make_database):
    database = make_database(
        "CREATE TABLE parent (id int PRIMARY KEY, filler text DEFAULT repeat('x', 500));"
        "CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent);"
        "INSERT INTO parent SELECT generate_series(1, 20000);"
        "INSERT INTO child SELECT n, 1 + n % 20000 FROM generate_series(1, 60000) n;"
        "CREATE INDEX child_parent ON child (parent_id); ANALYZE;"
    )
    found = close(database, ("parent", "id % 1000 = 7"))
    ids = found.closure.rows[table("parent")].to_array()
    catalog = found.catalog
    known = Addresses(catalog)
    (edge,) = found.graph.edges
    down = statement(catalog, known, Relation(edge, "children"), None, ids).sql
    capped = statement(catalog, known, Relation(edge, "children", 2), None, ids).sql
    children = found.closure.rows[table("child")].to_array()[:20]
    up = statement(catalog, known, Relation(edge, "parents"), None, children).sql
    for sql, index in ((down, "child_parent"), (capped, "child_parent"), (up, "parent_pkey")):
        plan = "\n".join(row[0] for row in database.rows(f"EXPLAIN {sql}"))
        assert "Tid Scan on" in plan
        assert index in plan
        assert "Seq Scan" not in plan


def test_only_integers_of_ours_enter_a_statement(make_database):
    found = close(make_database(schema("keys_of_all_kinds")), ("account", "currency = 'EUR'"))
    addresses = Addresses(found.catalog)
    for edge in found.graph.edges:
        ids = found.closure.rows[edge.child].to_array()
        assert "EUR" not in statement(found.catalog, addresses, Relation(edge, "parents"), None, ids).sql


def small_world(seed):
    """A random schema of four tables with random references, its rows, and random rules."""
    chance = random.Random(seed)
    names = ["t0", "t1", "t2", "t3"]
    edges = [(f"f{i}", chance.choice(names), chance.choice(names)) for i in range(chance.randint(3, 7))]
    sizes = {name: chance.randint(0, 12) for name in names}
    rows = {
        (name, key): {
            column: chance.choice([None, *range(1, sizes[parent] + 1)])
            for column, child, parent in edges
            if child == name
        }
        for name in names
        for key in range(1, sizes[name] + 1)
    }
    policy = {column: chance.choice([True, True, False, 1, 2, "always"]) for column, _, _ in edges}
    starts = {(name, key) for name, key in rows if chance.random() < 0.15}
    return names, edges, rows, policy, starts


def cap_of(policy):
    return None if policy is True or policy == "always" else policy


def expected_rows(edges, rows, policy, starts):
    """The definition of the closure, as slowly as it can be written down."""

    def children_of(parent, column, child_table, parent_table, cap):
        if parent[0] != parent_table:
            return set()
        found = sorted(r for r in rows if r[0] == child_table and rows[r][column] == parent[1])
        return set(found[:cap])

    descending = set(starts)
    while True:
        more = {
            child
            for row in descending
            for column, child_table, parent_table in edges
            if policy[column] is not False
            for child in children_of(row, column, child_table, parent_table, cap_of(policy[column]))
        } - descending
        if not more:
            break
        descending |= more
    included = set(descending)
    while True:
        more = {
            (parent_table, rows[row][column])
            for row in included
            for column, child_table, parent_table in edges
            if row[0] == child_table and rows[row][column] is not None
        }
        more |= {
            child
            for row in included
            for column, child_table, parent_table in edges
            if policy[column] == "always"
            for child in children_of(row, column, child_table, parent_table, None)
        }
        if more <= included:
            return included
        included |= more


def force(monkeypatch, way):
    """Make one way the cheapest everywhere."""
    if way == "probe":
        monkeypatch.setattr(edge_rows, "_SCANNED_ROW", 1e9)
    elif way == "scan":
        for constant in ("_SCANNED_ROW", "_PAIR"):
            monkeypatch.setattr(edge_rows, constant, 0.0)
        monkeypatch.setattr(edge_rows, "_INDEX_LOOKUP", 1e9)
        monkeypatch.setattr(edge_rows, "_BATCH_WITHOUT_INDEX", 1)
    elif way == "walk":
        monkeypatch.setattr(edge_rows.EdgeReader, "worth_walking", lambda *_: True)
    elif way == "walk what is small":
        force(monkeypatch, "walk")
        monkeypatch.setattr(spread, "MAX_WALKED_PAIRS", 12)


@pytest.mark.parametrize("way", ["as chosen", "probe", "scan", "walk", "walk what is small", "on disk"])
def test_random_schemas_give_what_the_definition_says_whichever_way_pairs_are_read(
    make_database, monkeypatch, way
):
    force(monkeypatch, way)
    budget = MemoryBudget(0) if way == "on disk" else MemoryBudget()
    database = make_database()
    for seed in range(8):
        names, edges, rows, policy, starts = small_world(seed)
        script = [f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE"]
        for name in names:
            columns = "".join(f", {column} int" for column, child, _ in edges if child == name)
            script.append(f"CREATE TABLE {name} (id int PRIMARY KEY{columns})")
        for (name, key), values in rows.items():
            cells = "".join(f", {value or 'NULL'}" for value in values.values())
            script.append(f"INSERT INTO {name} VALUES ({key}{cells})")
        script += [
            f"ALTER TABLE {child} ADD FOREIGN KEY ({column}) REFERENCES {parent}"
            for column, child, parent in edges
        ]
        script += [
            f"CREATE INDEX ON {child} ({column})" for column, child, _ in edges if (seed + len(column)) % 2
        ]
        database.execute(*script)
        catalog = catalog_of(database)
        rules = [
            EdgeRule(edge_between(catalog, child, column), children=policy[column])
            for column, child, _ in edges
        ]
        roots = [
            RootRule(table(name), f"id IN ({', '.join(str(k) for n, k in starts if n == name)})")
            for name in {n for n, _ in starts}
        ]
        found = close(database, *roots, edges=rules, budget=budget)
        got = {(name, key) for name in names for key in found.rows(name)}
        assert got == expected_rows(edges, rows, policy, starts), f"seed {seed}"

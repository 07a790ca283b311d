"""The closure of real sample databases against the same closure computed by the server in plain SQL."""

from __future__ import annotations

import pytest

from penstock.catalog.graph import RelationGraph, virtual_edge
from penstock.devdb.closure import RootRule, compute
from penstock.engines.postgres.reflect import reflect
from tests.devdb.closure.closures import KEYS, catalog_of, close, snapshot, table

# A fixpoint over (table, row) in the database itself, from pg_constraint alone: shares nothing with the code tested.
INDEPENDENT = """
CREATE TABLE public.found (rel oid, tid tid, descends bool, UNIQUE (rel, tid, descends));
INSERT INTO found SELECT tableoid, ctid, true FROM ({root}) AS root;
CREATE TABLE public.keys AS
SELECT conrelid::regclass AS child, confrelid::regclass AS parent,
       (SELECT string_agg(format('p.%I = c.%I', p.attname, c.attname), ' AND ')
        FROM unnest(conkey, confkey) AS pair (c, p)
        JOIN pg_attribute c ON c.attrelid = conrelid AND c.attnum = pair.c
        JOIN pg_attribute p ON p.attrelid = confrelid AND p.attnum = pair.p) AS condition
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0;
{more}
DO $$
DECLARE
    key record;
    before bigint := -1;
    pass int;
BEGIN
    FOR pass IN 1..2 LOOP  -- first down from descending rows, then up from all rows
        before := -1;
        WHILE before <> (SELECT count(*) FROM found) LOOP
            before := (SELECT count(*) FROM found);
            FOR key IN SELECT * FROM keys LOOP
                EXECUTE format(
                    CASE pass WHEN 1 THEN
                        'INSERT INTO found SELECT c.tableoid, c.ctid, true FROM %s c JOIN %s p ON %s '
                        'JOIN found f ON f.rel = p.tableoid AND f.tid = p.ctid AND f.descends ON CONFLICT DO NOTHING'
                    ELSE
                        'INSERT INTO found SELECT p.tableoid, p.ctid, false FROM %s c JOIN %s p ON %s '
                        'JOIN found f ON f.rel = c.tableoid AND f.tid = c.ctid ON CONFLICT DO NOTHING'
                    END, key.child, key.parent, key.condition);
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
"""


def independent(database, root, more=""):
    """Addresses per storage table, as the server finds them."""
    database.psql(INDEPENDENT.format(root=root, more=more))
    return {
        (name, address)
        for name, address in database.rows("SELECT DISTINCT rel::regclass::text, tid::text FROM found")
    }


def addresses(found):
    """The same of a closure of ours."""
    return {
        (leaf.table, f"({int(i) >> 16 & 0xFFFFFFFF},{int(i) & 0xFFFF})")
        for name, rows in found.closure.rows.items()
        for number, leaf in enumerate(found.catalog.leaves[name])
        for ids in rows.blocks(leaf=number)
        for i in ids
    }


@pytest.mark.parametrize(
    ("sample", "name", "key"),
    [
        ("pagila", "customer", "customer_id"),
        ("northwind", "customers", "customer_id"),
        ("chinook", "customer", "customer_id"),
    ],
)
def test_a_closure_of_a_sample_equals_the_one_computed_in_sql(make_database, sample, name, key):
    database = make_database(template=sample)
    found = close(database, RootRule(table(name), limit=100 if sample == "pagila" else 10))
    limit = 100 if sample == "pagila" else 10
    expected = independent(database, f"(SELECT tableoid, ctid FROM {name} ORDER BY {key} LIMIT {limit})")
    assert addresses(found) == expected
    assert len(expected) > 100


def test_pagila_with_the_cycle_of_staff_and_store(make_database):
    # store.manager_staff_id is NOT NULL, and no foreign key says whom it means.
    database = make_database(template="pagila")
    manager = virtual_edge(
        catalog_of(database), table("store"), table("staff"), [("manager_staff_id", "staff_id")]
    )
    found = close(database, RootRule(table("inventory"), limit=5), virtual=[manager], parents_only=True)
    assert (table("staff"), table("store")) in found.graph.cycles
    assert found.counts()["staff"] == found.counts()["store"] > 0
    found = close(
        database, RootRule(table("payment"), "payment_date < '2022-01-25'", limit=100), virtual=[manager]
    )
    expected = independent(
        database,
        "(SELECT tableoid, ctid FROM payment WHERE payment_date < '2022-01-25' ORDER BY payment_date, payment_id LIMIT 100)",
        "INSERT INTO keys VALUES ('store', 'staff', 'p.staff_id = c.manager_staff_id');",
    )
    assert addresses(found) == expected


def test_gitlab_is_planned_without_rows_and_all_reachable_tables_are_named(gitlab):
    with snapshot(gitlab) as session:
        catalog = reflect(session)
        graph = RelationGraph.of(catalog)
        closure = compute(session, catalog, graph, roots=[RootRule(table("namespaces"), limit=10)], keys=KEYS)
    assert closure.count == 0
    assert {"namespaces", "projects", "users", "issues"} <= {name.table for name in closure.reached}
    assert len(closure.reached) > 600
    assert set(closure.rows) == set(catalog.leaves)
    assert closure.reached < set(catalog.leaves)

"""Walking pairs locally finds exactly what is reachable, on narrow fronts and on wide ones."""

from __future__ import annotations

import numpy as np
import pytest

from penstock.catalog.graph import Edge
from penstock.catalog.model import TableName
from penstock.devdb.closure import walk as module
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.edge_rows import Relation
from penstock.devdb.closure.rowset import RowSet, row_ids
from penstock.devdb.closure.walk import Walk

TABLES = [TableName("s", name) for name in "abc"]


def relation(near, far, number):
    return Relation(Edge(id=f"{number}", child=near, parent=far), "parents")


def ids(numbers):
    numbers = np.asarray(numbers, dtype=np.int64)
    return row_ids(0, numbers // 100, numbers % 100 + 1)


def world(seed, nodes=3000, arcs=4000):
    """Random pairs between three tables, with two relations between some."""
    random = np.random.default_rng(seed)
    relations = [relation(TABLES[i % 3], TABLES[(i * i + 1) % 3], i) for i in range(4)]
    return [
        (r, (ids(random.integers(0, nodes, arcs)), ids(random.integers(0, nodes, arcs)))) for r in relations
    ]


def reachable(relations, front, visited):
    """The same by the definition."""
    following = {}
    for r, (near, far) in relations:
        for n, f in zip(near.tolist(), far.tolist(), strict=True):
            following.setdefault((r.near, n), set()).add((r.far, f))
    seen, waiting = set(front) | visited, list(front)
    while waiting:
        new = following.get(waiting.pop(), set()) - seen
        seen |= new
        waiting.extend(new)
    return seen - set(front) - visited


def as_sets(pairs):
    sets = {}
    for table, row in pairs:
        sets.setdefault(table, RowSet(MemoryBudget())).add(np.array([row], dtype=np.uint64))
    return sets


@pytest.mark.parametrize("wide", [0, 40, 10**9], ids=["always wide", "both", "always narrow"])
@pytest.mark.parametrize("at_once", [7, 1 << 16])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_is_reachable_each_row_once_from_a_row_that_leads_there(
    seed, wide, at_once, monkeypatch
):
    monkeypatch.setattr(module, "_BATCH_ROWS", at_once)
    monkeypatch.setattr(module, "_WIDE", wide)
    relations = world(seed)
    front = {(TABLES[0], int(i)) for i in ids(range(0, 3000, 250))} | {(TABLES[1], int(ids([99_999])[0]))}
    visited = {(TABLES[2], int(i)) for i in ids(range(5, 3000, 7))}
    there = as_sets(visited | front)
    walk = Walk(
        relations,
        lambda table, rows: there[table].contains(rows) if table in there else np.zeros(len(rows), bool),
    )
    found = list(walk.run(as_sets(front)))
    rows = [(r.far, int(f)) for r, _, far in found for f in far]
    assert len(rows) == len(set(rows))
    assert set(rows) == reachable(relations, front, visited)
    pairs = {r.edge.id: set(zip(near.tolist(), far.tolist(), strict=True)) for r, (near, far) in relations}
    assert all(
        (int(n), int(f)) in pairs[r.edge.id] for r, near, far in found for n, f in zip(near, far, strict=True)
    )
    assert list(walk.run(as_sets(front))) == []  # all of it has been visited now


def test_a_second_front_goes_on_from_what_the_first_one_found():
    chain = np.arange(100)
    walk = Walk(
        [(relation(TABLES[0], TABLES[0], 0), (ids(chain[:-1]), ids(chain[1:])))],
        lambda _, rows: rows == ids([50])[0],
    )
    start = {TABLES[0]: RowSet(MemoryBudget())}
    start[TABLES[0]].add(ids([0]))
    ((_, _, far),) = walk.run(start)
    assert sorted(far.tolist()) == ids(range(1, 50)).tolist()  # 50 was visited before: it stops there
    start[TABLES[0]].add(ids([50]))
    ((_, _, far),) = walk.run(start)
    assert sorted(far.tolist()) == ids(range(51, 100)).tolist()

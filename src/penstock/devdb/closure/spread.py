"""Follow relations from the rows at hand to all rows they lead to: a semi-naive fixpoint, component by component."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penstock.catalog.graph import strongly_connected
from penstock.catalog.model import TableName
from penstock.devdb.closure.edge_rows import Direction, EdgeReader, Pairs, Relation
from penstock.devdb.closure.provenance import Provenance
from penstock.devdb.closure.rowset import RowIds, RowSet
from penstock.devdb.closure.walk import Walk

MAX_WALKED_PAIRS = 2_500_000  # at a time, 65 bytes each while they are walked; more are probed to the end
Rows = dict[TableName, RowSet]
Followed = Callable[[str, int], None]
"""Told what is being followed, and how many rows there are so far."""


@dataclass(slots=True)
class Tally:
    """What both passes of a closure add to."""

    provenance: Provenance
    progress: Followed
    rows: int = 0
    brought: dict[tuple[str, Direction], int] = field(default_factory=dict)
    referenced: dict[str, RowSet] = field(
        default_factory=dict
    )  # edge id → children whose only parent is there


@dataclass(slots=True)
class Spread:
    """One pass: `rows` grow along `relations` until nothing is new."""

    reader: EdgeReader
    relations: Sequence[Relation]
    rows: Rows
    tally: Tally

    def run(self) -> None:
        """Components of the relations in topological order: each to its fixpoint, then once out of it."""
        leading: dict[TableName, list[Relation]] = defaultdict(list)
        for relation in self.relations:
            leading[relation.near].append(relation)
        arcs = {table: [relation.far for relation in own] for table, own in leading.items()}
        for component in reversed(strongly_connected(self.rows, arcs)):
            own = [relation for table in component for relation in leading.get(table, ())]
            inside = [relation for relation in own if relation.far in component]
            if inside:
                self._to_fixpoint(component, inside)
            for relation in own:
                if relation.far not in component:
                    self._follow(relation, self.rows[relation.near])

    def _to_fixpoint(self, component: Sequence[TableName], inside: Sequence[Relation]) -> None:
        front = {table: without(self.rows[table], None) for table in component if self.rows[table].count}
        known: dict[Relation, Pairs] = {}
        walk: Walk | None = None
        while front:
            if walk is not None:
                self._walk(walk, front)
            following: Rows = {}
            for relation in inside:
                if relation not in known and relation.near in front:
                    fresh = following.setdefault(relation.far, self.rows[relation.far].empty())
                    self._follow(relation, front[relation.near], fresh)
            front = {table: rows for table, rows in following.items() if rows.count}
            if front and self._read_pairs(inside, known):
                walk = None  # memory holds one at a time
                walk = Walk(list(known.items()), self._visited)

    def _read_pairs(self, inside: Sequence[Relation], known: dict[Relation, Pairs]) -> bool:
        """Read the pairs of relations that have become dear to probe; whether there were any."""
        before = len(known)
        for relation in inside:
            room = MAX_WALKED_PAIRS - sum(len(near) for near, _ in known.values())
            if relation not in known and self.reader.worth_walking(relation, room):
                pairs = self.reader.all_pairs(relation, room)
                if pairs is not None:
                    known[relation] = pairs
        return len(known) > before

    def _walk(self, walk: Walk, front: Rows) -> None:
        """Walk what can be walked; what is found joins the front, for the relations that are still probed.

        It may join while the walk hands it over: the walk has read the front before, and is over.
        """
        for relation, near, far in walk.run(front):
            new = self._absorb(relation, near, far)
            front.setdefault(relation.far, self.rows[relation.far].empty()).add(new)

    def _follow(self, relation: Relation, rows: RowSet, fresh: RowSet | None = None) -> None:
        """Add the rows that `rows` lead to; those that are new go to `fresh`, too."""
        if relation.near_leaf is not None:
            number = self.reader.addresses.leaf_number(relation.near, relation.near_leaf)
            rows = without(rows, None, leaf=number)
        if relation.direction == "parents" and relation.edge.id in self.tally.referenced:
            rows = without(rows, self.tally.referenced[relation.edge.id])
        if rows.count:
            self.tally.progress(relation.edge.id, self.tally.rows)
            for near, far in self.reader.pairs(relation, rows):
                new = self._absorb(relation, near, far)
                if fresh is not None:
                    fresh.add(new)

    def _absorb(self, relation: Relation, near: RowIds, far: RowIds) -> RowIds:
        edge, tally = relation.edge, self.tally
        if relation.direction == "children" and edge.parent_unique:
            tally.referenced.setdefault(edge.id, self.rows[relation.far].empty()).add(far)
        new = self.rows[relation.far].add(far)
        tally.provenance.brought(relation, near, far, new)
        key = (edge.id, relation.direction)
        tally.brought[key] = tally.brought.get(key, 0) + len(new)
        tally.rows += len(new)
        return new

    def _visited(self, table: TableName, ids: RowIds) -> npt.NDArray[np.bool_]:
        return self.rows[table].contains(ids)


def without(rows: RowSet, others: RowSet | None, leaf: int | None = None) -> RowSet:
    """A copy of `rows` (of one leaf) that lacks `others`."""
    copy = rows.empty()
    for ids in rows.blocks(leaf=leaf):
        copy.add(ids if others is None else ids[~others.contains(ids)])
    return copy

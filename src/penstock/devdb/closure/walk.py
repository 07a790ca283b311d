"""Walk relations whose pairs have been read, here instead of at the server.

A self-reference 100,000 deep would take 100,000 probes; over adjacency arrays it takes a tenth of a second. Narrow
fronts are walked in plain Python (a numpy call costs as much as ten nodes), wide ones in numpy.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import TableName
from penstock.devdb.closure.edge_rows import Pairs, Relation
from penstock.devdb.closure.rowset import NO_ROWS, RowIds, RowSet, distinct

_WIDE = 512
_BATCH_ROWS = 1 << 16  # handed over together
Nodes = npt.NDArray[np.int32]
Visited = Callable[[TableName, RowIds], npt.NDArray[np.bool_]]


class Walk:
    """A graph of rows. Nodes are the rows that appear in any pair, numbered table by table, ascending.

    Arcs lie in the order of the nodes they leave: those of node n are `_first_arc[n]` to `_first_arc[n + 1]`.
    """

    def __init__(self, relations: Sequence[tuple[Relation, Pairs]], visited: Visited) -> None:
        self.relations = [relation for relation, _ in relations]
        self._ids = _ids_per_table(relations)
        self._base = dict(
            zip(self._ids, _starts([len(ids) for ids in self._ids.values()]).tolist(), strict=False)
        )
        near = np.concatenate([self._nodes(relation.near, pairs[0]) for relation, pairs in relations])
        order = np.argsort(near, kind="stable")
        size = sum(map(len, self._ids.values()))
        self._first_arc = _starts(np.bincount(near, minlength=size))
        del near
        far = np.concatenate([self._nodes(relation.far, pairs[1]) for relation, pairs in relations])
        self._far = far[order]
        lengths = [len(pairs[0]) for _, pairs in relations]
        self._relation = np.repeat(np.arange(len(relations), dtype=np.uint16), lengths)[order]
        seen = [visited(table, ids) for table, ids in self._ids.items()]
        self._seen = np.concatenate(seen).astype(np.uint8)

    def run(self, front: Mapping[TableName, RowSet]) -> Iterator[tuple[Relation, RowIds, RowIds]]:
        """Everything reachable from the front that was not visited: near and new far rows of a relation, few at a time.

        Once it is iterated, all is walked before the first rows are handed over: the front is not looked at again, and
        its rows count as visited from then on, as do those that were reached.
        """
        level: Nodes = np.concatenate(
            [np.empty(0, np.int32), *(self._known_nodes(table, rows) for table, rows in front.items())]
        )
        self._seen[level] = 1
        used = array("q")
        while len(level):
            level = self._wide(level, used) if len(level) > _WIDE else self._narrow(level, used)
        for at in range(0, len(used), _BATCH_ROWS):
            yield from self._found(np.array(used[at : at + _BATCH_ROWS], dtype=np.int64))

    def _narrow(self, level: Nodes, used: array[int]) -> Nodes:
        first, far, seen = (memoryview(a.data) for a in (self._first_arc, self._far, self._seen))
        front: list[int] = level.tolist()
        while front and len(front) <= _WIDE:
            following: list[int] = []
            for node in front:
                for arc in range(first[node], first[node + 1]):
                    target = far[arc]
                    if not seen[target]:
                        seen[target] = 1
                        used.append(arc)
                        following.append(target)
            front = following
        return np.array(front, dtype=np.int32)

    def _wide(self, level: Nodes, used: array[int]) -> Nodes:
        starts, stops = self._first_arc[level], self._first_arc[level + 1]
        counts = stops - starts
        arcs = np.repeat(starts - _starts(counts)[:-1], counts) + np.arange(counts.sum())
        arcs = arcs[self._seen[self._far[arcs]] == 0]
        targets, first = np.unique(self._far[arcs], return_index=True)
        self._seen[targets] = 1
        used.frombytes(arcs[first].astype(np.int64).tobytes())
        return targets

    def _found(self, arcs: npt.NDArray[np.int64]) -> Iterator[tuple[Relation, RowIds, RowIds]]:
        for number, relation in enumerate(self.relations):
            own = arcs[self._relation[arcs] == number]
            if len(own):
                nodes = np.searchsorted(self._first_arc, own, side="right") - 1
                near = self._ids[relation.near][nodes - self._base[relation.near]]
                far = self._ids[relation.far][self._far[own] - self._base[relation.far]]
                yield relation, near, far

    def _nodes(self, table: TableName, ids: RowIds) -> Nodes:
        nodes: Nodes = (np.searchsorted(self._ids[table], ids) + self._base[table]).astype(np.int32)
        return nodes

    def _known_nodes(self, table: TableName, rows: RowSet) -> Nodes:
        known = self._ids.get(table, NO_ROWS)
        if rows.count < len(known):
            ids = rows.to_array()
            place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
            place = place[known[place] == ids]
        else:
            place = np.flatnonzero(rows.contains(known))
        nodes: Nodes = (place + self._base.get(table, 0)).astype(np.int32)
        return nodes


def _ids_per_table(relations: Sequence[tuple[Relation, Pairs]]) -> dict[TableName, RowIds]:
    parts: dict[TableName, list[RowIds]] = {}
    for relation, (near, far) in relations:
        parts.setdefault(relation.near, []).append(near)
        parts.setdefault(relation.far, []).append(far)
    return {table: distinct(np.concatenate(ids), in_place=True) for table, ids in parts.items()}


def _starts(lengths: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each of several consecutive runs begins, and where the last one ends."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts

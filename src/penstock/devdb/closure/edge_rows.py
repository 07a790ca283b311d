"""Which rows an edge connects: the server joins, we only hand over and receive row addresses.

Three ways, chosen by cost: *probe* sends the addresses of the rows at hand and uses the index of the other side; *scan*
joins the whole tables once and filters here, for many rows or a missing index; *walk* reads all pairs once so that
the closure can walk them locally (see `walk`), when probing has become dearer than that (*given up* when there are too
many). On 3 M rows referencing
1 M, probing cost 12 to 25 µs per row and one scan 2.6 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from penstock.catalog.graph import Edge
from penstock.catalog.model import Catalog, Index, TableName
from penstock.devdb.closure.addresses import Addresses, Source, read_records, tid_array
from penstock.devdb.closure.roots import key_order
from penstock.devdb.closure.rowset import NO_ROWS, RowIds, RowSet
from penstock.devdb.closure.written import user_search_path

Direction = Literal["children", "parents"]
How = Literal["probe", "scan", "walk", "given up"]
Pairs = tuple[RowIds, RowIds]  # rows at hand, and the rows they lead to; aligned

# Microseconds, measured on two cores; only their proportions matter.
_STATEMENT = 1_500.0
_INDEX_LOOKUP = 20.0
_SCANNED_ROW = 0.3
_PAIR = 0.5
_ROWS_PER_PAGE = 60.0  # of a table that was never analysed
_BATCH = 4_000  # addresses per statement: few enough for a Tid Scan, enough to forget the round trip
_BATCH_WITHOUT_INDEX = 250_000  # each statement, of 3 MB then, reads the other table once


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge followed in one direction. `cap`: at most that many children per parent, by the child's key."""

    edge: Edge
    direction: Direction
    cap: int | None = None

    @property
    def near(self) -> TableName:
        """The table whose rows are at hand."""
        return self.edge.parent if self.direction == "children" else self.edge.child

    @property
    def far(self) -> TableName:
        return self.edge.child if self.direction == "children" else self.edge.parent

    @property
    def near_leaf(self) -> TableName | None:
        return self.edge.parent_leaf if self.direction == "children" else self.edge.child_leaf

    @property
    def far_leaf(self) -> TableName | None:
        return self.edge.child_leaf if self.direction == "children" else self.edge.parent_leaf


@dataclass(slots=True)
class Step:
    """What was done for one relation in one way, for explanations and tests."""

    relation: Relation
    how: How
    reason: str
    statements: int = 0
    rows: int = 0  # rows at hand
    pairs: int = 0  # pairs found


@dataclass(slots=True)
class _Costs:
    probe: float
    scan: float
    pairs: float


@dataclass(slots=True)
class EdgeReader:
    """Reads pairs of rows through one session."""

    session: Source
    catalog: Catalog
    addresses: Addresses
    steps: dict[tuple[str, str, str, str], Step] = field(default_factory=dict)
    _spent: dict[tuple[str, str], float] = field(default_factory=dict)
    _too_many: set[Relation] = field(default_factory=set)

    def pairs(self, relation: Relation, rows: RowSet) -> Iterator[Pairs]:
        """All pairs whose near row is in `rows`."""
        costs = self._costs(relation, rows.count)
        indexed = has_index(self.catalog, relation)
        if costs.probe <= costs.scan:
            step = self.step(relation, "probe", "index" if indexed else "few rows")
            key = (relation.edge.id, relation.direction)
            self._spent[key] = self._spent.get(key, 0.0) + costs.probe
            found = self._probe(relation, rows, _BATCH if indexed else _BATCH_WITHOUT_INDEX, step)
        else:
            step = self.step(relation, "scan", "many rows" if indexed else "no index")
            found = self._scan(relation, rows, step)
        step.rows += rows.count
        for near, far in found:
            step.pairs += len(near)
            yield near, far

    def all_pairs(self, relation: Relation, most: int) -> Pairs | None:
        """Every pair of the relation, to be walked locally; None if there are more than `most`, whatever was estimated."""
        near: list[RowIds] = []
        far: list[RowIds] = []
        for some_near, some_far in self._read(relation, None, None, limit=most + 1):
            near.append(some_near)
            far.append(some_far)
        count = sum(map(len, near))
        fits = count <= most
        step = self.step(relation, *(("walk", "many rounds") if fits else ("given up", "too many pairs")))
        step.statements += 1
        step.pairs += count
        if fits:
            return np.concatenate([NO_ROWS, *near]), np.concatenate([NO_ROWS, *far])
        self._too_many.add(relation)
        return None

    def worth_walking(self, relation: Relation, most: int) -> bool:
        """Whether probing has cost as much as reading all pairs would (so at most twice the best choice is paid), and
        no more than `most` pairs are expected.
        """
        if relation in self._too_many:
            return False
        costs = self._costs(relation, 0)
        spent = self._spent.get((relation.edge.id, relation.direction), 0.0)
        return costs.pairs <= most and spent > costs.scan

    def step(self, relation: Relation, how: How, reason: str) -> Step:
        key = (relation.edge.id, relation.direction, how, reason)
        return self.steps.setdefault(key, Step(relation, how, reason))

    def rows(self, table: TableName, leaf: TableName | None = None) -> float:
        """Estimated rows of a logical table or of one leaf."""
        leaves = (leaf,) if leaf is not None else self.addresses.leaves(table)
        tables = [self.catalog.tables[name] for name in leaves]
        return sum(t.pages * _ROWS_PER_PAGE if t.row_estimate is None else t.row_estimate for t in tables)

    def _costs(self, relation: Relation, at_hand: int) -> _Costs:
        near = max(self.rows(relation.near, relation.near_leaf), float(at_hand))
        far = self.rows(relation.far, relation.far_leaf)
        children = self.rows(relation.edge.child, relation.edge.child_leaf)
        expected = children * at_hand / near if near else 0.0
        far_leaves = 1 if relation.far_leaf is not None else max(len(self.addresses.leaves(relation.far)), 1)
        scan = _STATEMENT + (near + far) * _SCANNED_ROW + children * _PAIR
        if has_index(self.catalog, relation):
            statements = 1 + at_hand // _BATCH
            probe = statements * _STATEMENT + at_hand * far_leaves * _INDEX_LOOKUP + expected * _PAIR
        else:
            statements = 1 + at_hand // _BATCH_WITHOUT_INDEX
            probe = statements * (_STATEMENT + far * _SCANNED_ROW) + (at_hand + expected) * _PAIR
        return _Costs(probe, scan, children)

    def _probe(self, relation: Relation, rows: RowSet, size: int, step: Step) -> Iterator[Pairs]:
        for number, leaf in enumerate(self.addresses.leaves(relation.near)):
            if relation.near_leaf not in (None, leaf):
                continue
            for ids in rows.blocks(size, leaf=number):
                step.statements += 1
                yield from self._read(relation, leaf, ids)

    def _scan(self, relation: Relation, rows: RowSet, step: Step) -> Iterator[Pairs]:
        step.statements += 1
        for near, far in self._read(relation, None, None):
            wanted = rows.contains(near)
            if wanted.any():
                yield near[wanted], far[wanted]

    def _read(
        self, relation: Relation, leaf: TableName | None, ids: RowIds | None, limit: int | None = None
    ) -> Iterator[Pairs]:
        edge = relation.edge
        if leaf is not None and not self.addresses.is_partitioned(relation.near):
            leaf = None
        query = statement(self.catalog, self.addresses, relation, leaf, ids)
        sql = query.sql if limit is None else f"{query.sql} LIMIT {limit}"
        records = read_records(self.session, sql, query.record, f"following {edge.id}")
        if edge.kind == "virtual":
            records = self._with_search_path(edge, records)
        for some in records:
            children = self.addresses.ids(some, 0, edge.child, query.child_leaf)
            parents = self.addresses.ids(some, 1, edge.parent, query.parent_leaf)
            yield (parents, children) if relation.direction == "children" else (children, parents)

    def _with_search_path(self, edge: Edge, records: Iterator[Any]) -> Iterator[Any]:
        with user_search_path(self.session, self.catalog, edge.child.schema, edge.parent.schema):
            yield from records


@dataclass(frozen=True, slots=True)
class Statement:
    """A query for pairs of rows, and how to read its COPY BINARY result: the child's address, then the parent's."""

    sql: str
    record: np.dtype[Any]
    child_leaf: TableName | None
    parent_leaf: TableName | None


def statement(
    catalog: Catalog,
    addresses: Addresses,
    relation: Relation,
    near_leaf: TableName | None,
    ids: RowIds | None,
) -> Statement:
    """The query for the pairs of a relation, of all rows or of the near rows `ids` (of `near_leaf`).

    The near table is read with a Tid Scan; the declared operators let the other side's index answer.
    """
    edge = relation.edge
    child_leaf, parent_leaf = edge.child_leaf, edge.parent_leaf
    if near_leaf is not None:
        if relation.direction == "children":
            parent_leaf = near_leaf
        else:
            child_leaf = near_leaf
    child_from = f"{addresses.relation(edge.child, child_leaf)} AS child"
    parent_from = f"{addresses.relation(edge.parent, parent_leaf)} AS parent"
    child_row = addresses.selected(edge.child, "child", child_leaf)
    parent_row = addresses.selected(edge.parent, "parent", parent_leaf)
    near = "parent" if relation.direction == "children" else "child"
    where = f" WHERE {near}.ctid = ANY ({tid_array(ids)})" if ids is not None else ""
    record = addresses.record((edge.child, child_leaf), (edge.parent, parent_leaf))
    if relation.cap is None:
        sql = f"SELECT {child_row}, {parent_row} FROM {child_from} JOIN {parent_from} ON {edge.condition}{where}"
    else:
        order = key_order(catalog.tables[child_leaf or edge.child], "child")
        if ids is not None and has_index(catalog, relation):
            sql = (
                f"SELECT {child_row}, {parent_row} FROM {parent_from} CROSS JOIN LATERAL (SELECT {child_row} "
                f"FROM {child_from} WHERE {edge.condition} ORDER BY {order} LIMIT {relation.cap}) AS child{where}"
            )
        else:
            names = [f"address_{n}" for n in range(len(f"{child_row}, {parent_row}".split(", ")))]
            listed = ", ".join(names)
            sql = (
                f"SELECT {listed} FROM (SELECT {child_row}, {parent_row}, row_number() OVER "
                f"(PARTITION BY parent.tableoid, parent.ctid ORDER BY {order}) "
                f"FROM {child_from} JOIN {parent_from} ON {edge.condition}{where}) "
                f"AS ranked ({listed}, place) WHERE place <= {relation.cap}"
            )
    return Statement(sql, record, child_leaf, parent_leaf)


def has_index(catalog: Catalog, relation: Relation) -> bool:
    """Whether the far side has an index that starts with a column of the edge, be it on each of its partitions."""
    edge = relation.edge
    columns = set(edge.child_columns if relation.direction == "children" else edge.parent_columns)

    def helps(index: Index) -> bool:
        usable = index.valid and not index.partial and index.method in ("btree", "hash")
        return usable and bool(index.columns) and index.columns[0] in columns

    def has_one(name: TableName) -> bool:
        return any(helps(index) for index in catalog.tables[name].indexes)

    if relation.far_leaf is not None:
        return has_one(relation.far_leaf)
    return has_one(relation.far) or all(has_one(leaf) for leaf in catalog.leaves[relation.far])

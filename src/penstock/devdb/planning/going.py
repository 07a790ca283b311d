"""Which rows a prune leaves, and which references it sets NULL.

With roots, what stays is their closure. A delete rule takes its rows and, transitively, every row that references one of
them, along declared and virtual edges; along an edge that is cut, the reference is set NULL instead. What stays is
therefore closed under references. Of a set and its complement only one is held as addresses: nobody reads the
addresses of 400 million rows because a thousand of them go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from penstock.catalog.graph import Edge
from penstock.catalog.model import Catalog, TableName, quote_identifier
from penstock.devdb.closure import Brought, Closure
from penstock.devdb.closure.addresses import Addresses, Source, read_ids
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.edge_rows import EdgeReader, Relation
from penstock.devdb.closure.packed import Held
from penstock.devdb.closure.provenance import Origin, Provenance
from penstock.devdb.closure.references import count_dangling
from penstock.devdb.closure.rowset import RowIds, RowSet
from penstock.devdb.closure.spread import Followed, Rows, Spread, Tally, without
from penstock.devdb.closure.written import check_condition, sql_of, user_search_path
from penstock.devdb.config import DeleteSettings
from penstock.devdb.planning.obstacles import columns_to_cut
from penstock.devdb.planning.rules import Rules
from penstock.errors import DeletionRefused, PenstockError


class AllBut(RowSet):
    """The rows of a table but for those that go; only these are held, so there is nothing to enumerate."""

    __slots__ = ("_gone",)

    def __init__(self, gone: RowSet, totals: Mapping[int, int]) -> None:
        super().__init__(MemoryBudget())
        self._gone = gone
        self.count = sum(totals.values()) - gone.count
        left = {leaf: total - gone.leaf_counts.get(leaf, 0) for leaf, total in totals.items()}
        self.leaf_counts = {leaf: count for leaf, count in left.items() if count}

    def contains(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        return ~self._gone.contains(ids)

    def blocks(self, size: int = 1 << 16, leaf: int | None = None) -> Iterator[RowIds]:  # noqa: ARG002
        raise TypeError("the rows that stay were never read")


@dataclass(frozen=True, slots=True)
class Cut:
    """References of these rows that become NULL, because the row they lead to goes."""

    edge: str
    table: TableName
    columns: tuple[str, ...]
    rows: RowSet


@dataclass(frozen=True, slots=True)
class Going:
    """What a prune does to every logical table that is not in `skip`."""

    totals: Mapping[TableName, Mapping[int, int]]  # rows of each leaf before
    stay: Mapping[TableName, RowSet]
    go: Mapping[TableName, RowSet]  # without roots; else empty, and `stay` holds addresses
    cuts: tuple[Cut, ...] = ()
    taken: tuple[Brought, ...] = ()  # how many rows each relation was the first to take
    deleted: Provenance | None = None  # how each row came to be deleted, where that was traced
    refused: tuple[PenstockError, ...] = ()

    def held(self, table: TableName, leaf: int) -> tuple[Held | None, bool]:
        """The rows of a leaf whose addresses are held, and whether these are those that stay; None: all go."""
        if table in self.go:
            return Held(self.go[table], leaf), False
        return (Held(self.stay[table], leaf) if table in self.stay else None), True

    def staying(self, table: TableName, leaf: int) -> int:
        return self.stay[table].leaf_counts.get(leaf, 0) if table in self.stay else 0


def going(
    session: Source,
    catalog: Catalog,
    rules: Rules,
    rooted: Closure | None,
    *,
    trace: bool = False,
    progress: Followed = lambda _what, _rows: None,
) -> tuple[Closure, Going]:
    """What stays, as a closure, and what goes. `rooted`: the closure of the roots; None where there are none.

    Raises QueryError or ConfigError for a delete rule that is no condition.
    """
    block_bytes = int(session.fetchval("SELECT pg_catalog.current_setting('block_size')"))
    reader = EdgeReader(session, catalog, Addresses(catalog, block_bytes))
    tables = [table for table in catalog.leaves if table not in rules.skip]
    guarded = (rules.protect | rules.keep) if rooted is None else rules.protect
    traced = trace or bool(guarded & _reachable(rules))
    budget = MemoryBudget() if rooted is None else rooted.budget
    taken = _Taken(reader, rules, Tally(Provenance(traced), progress), budget)
    taken.run()
    totals = {table: _count(reader, table) for table in tables}
    stay: dict[TableName, RowSet]
    if rooted is None:
        everything = {t: AllBut(taken.rows[t], totals[t]) for t in tables if t not in rules.empty}
        stay, go = dict(everything), {t: taken.rows[t] for t in everything}
        closure = Closure(
            rows=stay,
            reached=frozenset(stay),
            brought=(),
            dangling={},
            steps=tuple(reader.steps.values()),
            provenance=Provenance(False),
            budget=budget,
        )
    else:
        stay = {
            t: without(rows, taken.rows[t]) if taken.rows[t].count else rows
            for t, rows in rooted.rows.items()
        }
        go = {}
        dangling = rooted.dangling
        if rules.deletes:
            dangling = count_dangling(reader, rules.graph.edges, stay)
        closure = replace(rooted, rows=stay, dangling=dangling)
    return closure, Going(
        totals=totals,
        stay=stay,
        go=go,
        cuts=tuple(taken.cuts(stay)) if rooted is None else (),
        taken=taken.brought(),
        deleted=taken.tally.provenance if taken.tally.provenance.enabled else None,
        refused=tuple(taken.refusals(guarded)),
    )


class _Taken:
    """The downward closure of the delete rules."""

    def __init__(self, reader: EdgeReader, rules: Rules, tally: Tally, budget: MemoryBudget) -> None:
        self._reader, self._rules, self.tally = reader, rules, tally
        self.rows: Rows = {
            table: RowSet(budget, reader.addresses.offset_bits) for table in rules.graph.tables
        }

    def run(self) -> None:
        for table, rule in self._rules.deletes:
            self._start(table, rule)
        edges = [e for e in self._edges() if e.id not in self._rules.cut and e.child not in self._rules.empty]
        Spread(self._reader, [Relation(e, "children") for e in edges], self.rows, self.tally).run()

    def _start(self, table: TableName, rule: DeleteSettings) -> None:
        self.tally.progress(f"delete {table}", self.tally.rows)
        reader, addresses = self._reader, self._reader.addresses
        whose, doing = f"`where` of the delete rule of {table}", f"choosing the rows of {table} to delete"
        probe = f"SELECT 1 FROM {addresses.relation(table)} AS {quote_identifier(table.table)}"
        with user_search_path(reader.session, reader.catalog, table.schema):
            check_condition(reader.session, probe, rule.where, whose, doing)
            with sql_of(whose):
                for ids in read_ids(reader.session, addresses, table, None, f"WHERE ({rule.where}\n)", doing):
                    new = self.rows[table].add(ids)
                    self.tally.provenance.start(table, new, "delete")
                    self.tally.rows += len(new)

    def _edges(self) -> list[Edge]:
        return [
            edge
            for edge in self._rules.graph.edges
            if edge.child not in self._rules.skip and edge.parent not in self._rules.skip
        ]

    def brought(self) -> tuple[Brought, ...]:
        return tuple(Brought(edge, way, n) for (edge, way), n in sorted(self.tally.brought.items()))

    def cuts(self, stay: Mapping[TableName, RowSet]) -> Iterator[Cut]:
        """The references to rows that go, held by rows that stay, along edges that are cut."""
        for edge in self._edges():
            columns = columns_to_cut(self._reader.catalog, self._rules, edge)
            if edge.id not in self._rules.cut or edge.child not in stay or not columns:
                continue
            gone = self.rows[edge.parent]
            rows = gone.empty()
            if edge.parent_leaf is not None:
                number = self._reader.addresses.leaf_number(edge.parent, edge.parent_leaf)
                gone = without(gone, None, leaf=number)
            if gone.count:
                for _, far in self._reader.pairs(Relation(edge, "children"), gone):
                    rows.add(far[stay[edge.child].contains(far)])
            if rows.count:
                yield Cut(edge.id, edge.child, columns, rows)

    def refusals(self, guarded: frozenset[TableName]) -> Iterator[PenstockError]:
        for table in sorted(guarded):
            rows = self.rows[table]
            if rows.count:
                path = self.tally.provenance.path(table, int(next(rows.blocks(1))[0]))
                told = [
                    f"{origin.table} ({origin.relation.edge.id})" if origin.relation else str(origin.table)
                    for origin in reversed(path)
                ]
                yield DeletionRefused(
                    f"{rows.count:,} rows of {table} would be deleted, which is protected",
                    why="the rule deletes " + " → ".join(told),
                    hint="narrow the rule's `where`, set `cut = true` on an edge of that path, or take the table out of "
                    f"`{'protect' if table in self._rules.protect else 'keep'}`",
                )


def _reachable(rules: Rules) -> frozenset[TableName]:
    """The tables a delete rule can take rows of."""
    graph = rules.graph
    starts = {table for table, _ in rules.deletes}
    return graph.reachable(starts, lambda e: e.id not in rules.cut, lambda _: False)


def deletion(stay: Going | None, table: TableName, row: int) -> Sequence[Origin]:
    """How a row comes to be deleted, back to a rule; empty where it is not, or nothing was traced."""
    return stay.deleted.path(table, row) if stay is not None and stay.deleted is not None else ()


def _count(reader: EdgeReader, table: TableName) -> dict[int, int]:
    """Rows per leaf."""
    return {
        number: int(
            reader.session.fetchval(f"SELECT count(*) FROM ONLY {leaf.sql}", doing=f"counting {leaf}")
        )
        for number, leaf in enumerate(reader.addresses.leaves(table))
    }

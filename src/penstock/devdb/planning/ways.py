"""How each table gets from what it holds to what is to stay: untouched, deleted in place, rewritten, or emptied.

Chosen by cost, in microseconds, like the ways of the closure. Deleting touches every row that goes and, to be compact
afterwards, VACUUM FULL reads the table and writes what stays; rewriting writes what stays twice and never looks at
what goes. Without compaction, a few rows that go are far cheaper to delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.catalog.model import Catalog, Table, TableName
from penstock.devdb.labour import Vacuum
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.plan import WayPlan

Kind = Literal["keep", "delete", "rewrite", "empty"]

# Microseconds on two cores, rough ones: only their proportions matter.
_DELETED_ROW = 1.6
_FETCHED_ROW = 0.4
_WRITTEN_ROW = 0.5
_READ_BYTE = 0.0005
_WRITTEN_BYTE = 0.004
_INDEX_ENTRY = 0.6
_STATEMENT = 3_000.0


@dataclass(frozen=True, slots=True)
class Way:
    """What happens to one storage table (a partition is one), and why."""

    table: TableName  # the logical table
    leaf: TableName
    number: int  # of the leaf in its table
    kind: Kind
    why: str
    go: int
    stay: int
    bytes: int  # now, with indexes and TOAST
    cost: float  # what is chosen; the largest starts first

    @property
    def total(self) -> int:
        return self.go + self.stay

    @property
    def share(self) -> float:
        """Of the rows, the part that goes."""
        return self.go / self.total if self.total else 0.0

    @property
    def planned(self) -> WayPlan:
        """The same for a plan."""
        return WayPlan(
            str(self.leaf), self.kind, self.why, self.go, self.stay, round(self.share, 4), self.bytes
        )


def ways(
    catalog: Catalog, going: Going, nulled: Mapping[TableName, frozenset[str]], vacuum: Vacuum
) -> tuple[Way, ...]:
    """The way of every storage table, in the order of their names. `nulled`: columns that become NULL in every row."""
    return tuple(_ways(catalog, going, nulled, vacuum))


def _ways(
    catalog: Catalog, going: Going, nulled: Mapping[TableName, frozenset[str]], vacuum: Vacuum
) -> Iterator[Way]:
    for table, totals in sorted(going.totals.items()):
        for number, leaf in enumerate(catalog.leaves[table]):
            stay = going.staying(table, number)
            moves = may_move(catalog, going, nulled, leaf)
            cut = sum(c.rows.leaf_counts.get(number, 0) for c in going.cuts if c.table == table)
            yield _way(
                catalog.tables[leaf],
                table,
                number,
                totals.get(number, 0) - stay,
                stay,
                cut,
                nulled.get(table, frozenset()),
                vacuum,
                moves=moves,
            )


def may_move(
    catalog: Catalog, going: Going, nulled: Mapping[TableName, frozenset[str]], leaf: TableName
) -> bool:
    """Whether rows of this partition would belong to another one when their references are NULL."""
    root = catalog.root_of(leaf)
    ending = nulled.get(root, frozenset()).union(*(c.columns for c in going.cuts if c.table == root))
    at = catalog.tables[leaf]
    while ending and at.is_partition:
        at = catalog.tables[at.parents[0]]
        if not ending.isdisjoint(at.partition_key):
            return True
    return False


def _way(
    stored: Table,
    table: TableName,
    number: int,
    go: int,
    stay: int,
    cut: int,
    nulled: Iterable[str],
    vacuum: Vacuum,
    *,
    moves: bool,
) -> Way:
    def chosen(kind: Kind, why: str, cost: float) -> Way:
        return Way(table, stored.name, number, kind, why, go, stay, stored.total_bytes, cost)

    emptied = stay if any(nulled) else 0
    if not go and not cut and not emptied:
        return chosen("keep", "no row goes", 0.0)
    if not stay:
        return chosen("empty", "every row goes", _STATEMENT)
    in_place, rewritten = _costs(stored, go, stay, cut + emptied, vacuum)
    told = f"≈{in_place / 1e6:,.1f} s in place, ≈{rewritten / 1e6:,.1f} s rewritten"
    if emptied and moves:  # other tables of the same root may not be written anew while rows come
        return chosen("delete", "references become NULL, and rows go to other partitions", in_place)
    if cut:  # the rows to be cut are known by their addresses, which a rewrite changes
        return chosen("delete", f"references of {cut:,} rows become NULL in place", in_place)
    if rewritten < in_place:
        return chosen("rewrite", told, rewritten)
    return chosen("delete", told, in_place)


def index_cost(stay: int) -> int:
    """Microseconds: making one index of so many rows."""
    return round(stay * _INDEX_ENTRY)


def _costs(stored: Table, go: int, stay: int, changed: int, vacuum: Vacuum) -> tuple[float, float]:
    """Microseconds: deleting in place, and rewriting."""
    row = stored.heap_bytes / max(go + stay, 1)
    writing = stay * (_WRITTEN_ROW + row * _WRITTEN_BYTE)
    indexing = stay * _INDEX_ENTRY * len(stored.indexes)
    in_place = _STATEMENT + go * _DELETED_ROW + changed * (_DELETED_ROW + _INDEX_ENTRY * len(stored.indexes))
    if vacuum == "full":
        in_place += stored.heap_bytes * _READ_BYTE + writing + indexing
    elif vacuum == "analyze":
        in_place += stored.total_bytes * _READ_BYTE
    rewritten = 3 * _STATEMENT + stay * _FETCHED_ROW + 2 * writing + indexing
    return in_place, rewritten

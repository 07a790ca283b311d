"""How every row came into a closure: which relation brought it first, from which row. What `dev why` tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from penstock.catalog.model import TableName
from penstock.devdb.closure.edge_rows import Relation
from penstock.devdb.closure.rowset import NO_ROWS, RowIds


@dataclass(frozen=True, slots=True)
class Origin:
    """One step of a path. Without a relation the row is a start: `reason` says of what (of a root, in its rule's words)."""

    table: TableName
    row: int
    reason: str  # "root" or its rule's | "keep" | "children" | "parents"
    relation: Relation | None = None


@dataclass(slots=True)
class _Batch:
    reason: str
    relation: Relation | None
    rows: RowIds  # ascending
    sources: RowIds  # aligned; empty for starts


@dataclass(slots=True)
class Provenance:
    """Batches of rows as they were brought; 16 bytes per row. Switched off, it records nothing."""

    enabled: bool
    _batches: dict[TableName, list[_Batch]] = field(default_factory=dict)

    def start(self, table: TableName, rows: RowIds, reason: str) -> None:
        """Rows that need no other row to be there."""
        if self.enabled and len(rows):
            self._batches.setdefault(table, []).append(_Batch(reason, None, np.sort(rows), NO_ROWS))

    def brought(self, relation: Relation, near: RowIds, far: RowIds, new: RowIds) -> None:
        """The rows `new`, among `far`, brought from the aligned `near`."""
        if not self.enabled or len(new) == 0:
            return
        rows, first = np.unique(far, return_index=True)
        place = np.searchsorted(rows, new)
        batch = _Batch(relation.direction, relation, new, near[first[place]])
        self._batches.setdefault(relation.far, []).append(batch)

    def path(self, table: TableName, row: int) -> Sequence[Origin]:
        """From the row asked for back to a start; empty if the row is not in the closure.

        The first mention of a row is the one that brought it, so a path never turns in a circle.
        """
        path: list[Origin] = []
        at = (table, row)
        while True:
            found = self._first(*at)
            if found is None:
                return path
            batch, source = found
            path.append(Origin(at[0], at[1], batch.reason, batch.relation))
            if batch.relation is None or source is None:
                return path
            at = (batch.relation.near, source)

    def _first(self, table: TableName, row: int) -> tuple[_Batch, int | None] | None:
        for batch in self._batches.get(table, ()):
            place = int(np.searchsorted(batch.rows, np.uint64(row)))
            if place < len(batch.rows) and int(batch.rows[place]) == row:
                return batch, int(batch.sources[place]) if len(batch.sources) else None
        return None

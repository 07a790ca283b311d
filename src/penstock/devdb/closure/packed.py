"""Rows of one storage table on their way to another process: packed when they are sent, not before, chunk by chunk.

A chunk is its bits, deflated. Most are zeros: a page has room for 512 rows, and seldom holds more than a hundred.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.rowset import RowIds, RowSet

BLOCK_ROWS = 1 << 18
_LEVEL = 1


class LeafRows(Protocol):
    """Rows of one leaf."""

    @property
    def count(self) -> int: ...

    def blocks(self) -> Iterator[RowIds]:
        """All of them, ascending, up to `BLOCK_ROWS` at once."""

    def as_set(self, budget: MemoryBudget) -> RowSet:
        """A set that has, of this leaf, these; nobody adds to it. Where it is made for this, it is under this budget."""


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of a set here; what pickles is `Packed`, made from them at that moment. Not while rows are added."""

    rows: RowSet
    leaf: int

    @property
    def count(self) -> int:
        return self.rows.leaf_counts.get(self.leaf, 0)

    def blocks(self) -> Iterator[RowIds]:
        return self.rows.blocks(BLOCK_ROWS, leaf=self.leaf)

    def as_set(self, budget: MemoryBudget) -> RowSet:  # noqa: ARG002 - it is there already
        return self.rows

    def __reduce__(self) -> tuple[Any, ...]:
        chunks = tuple(
            (key, zlib.compress(bits.tobytes(), _LEVEL)) for key, bits in self.rows.chunks(self.leaf)
        )
        return Packed, (self.count, self.rows.offset_bits, chunks)


@dataclass(frozen=True, slots=True)
class Packed:
    """The same rows elsewhere."""

    count: int
    offset_bits: int
    chunks: tuple[tuple[int, bytes], ...]

    def blocks(self) -> Iterator[RowIds]:
        return self.as_set(MemoryBudget()).blocks(BLOCK_ROWS)

    def as_set(self, budget: MemoryBudget) -> RowSet:
        rows = RowSet(budget, self.offset_bits)
        for key, deflated in self.chunks:
            rows.put(key, np.frombuffer(zlib.decompress(deflated), dtype=np.uint8))
        return rows

"""Rows of one storage table on their way to another process: packed when they are sent, not before, block by block.

A block is its first row id and what each id is more than the one before, all lowest bytes first, then all second ones, …,
deflated: neighbours differ by little, so all but the lowest are nearly always the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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

    def __reduce__(self) -> tuple[Any, ...]:
        return Packed, (self.count, tuple(_pack(ids) for ids in self.blocks()))


@dataclass(frozen=True, slots=True)
class Packed:
    """The same rows elsewhere."""

    count: int
    parts: tuple[_Part, ...]

    def blocks(self) -> Iterator[RowIds]:
        return map(_unpack, self.parts)


@dataclass(frozen=True, slots=True)
class _Part:
    first: int
    width: int  # bytes of a step
    steps: bytes  # deflated


def as_set(rows: LeafRows, budget: MemoryBudget, offset_bits: int) -> RowSet:
    """A set of its own, under this budget."""
    made = RowSet(budget, offset_bits)
    for ids in rows.blocks():
        made.add(ids)
    return made


def _pack(ids: RowIds) -> _Part:
    steps = np.diff(ids)
    width = next(w for w in (1, 2, 4, 8) if not len(steps) or int(steps.max()) >> (8 * w) == 0)
    planes = steps.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T
    return _Part(int(ids[0]), width, zlib.compress(planes.tobytes(), _LEVEL))


def _unpack(part: _Part) -> RowIds:
    planes = np.frombuffer(zlib.decompress(part.steps), dtype=np.uint8).reshape(part.width, -1)
    steps: npt.NDArray[Any] = np.ascontiguousarray(planes.T).view(f"<u{part.width}").ravel()
    ids: RowIds = np.empty(len(steps) + 1, dtype=np.uint64)
    ids[0] = part.first
    np.cumsum(steps, dtype=np.uint64, out=ids[1:])
    ids[1:] += ids[0]
    return ids

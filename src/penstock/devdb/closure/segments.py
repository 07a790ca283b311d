"""Bitmaps on disk, for row sets that are too large for memory: segments of 4 kB in one nameless file of a command.

A *segment* has the bits of 2¹⁵ positions in a row, which are 64 pages of a table; "page" is always one of PostgreSQL's.
Of 2²⁵ positions in a row (512 MB of a table), a *group*, memory holds at most 4 kB: which segments they have, and where.
It is less where only the first of them have any, as in a small partition. Rows come in batches that are sorted first,
so that every segment of a batch is read and written once, and neighbours together.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.chunks import (
    ARRAY_BYTES,
    CHUNK_BITS,
    LEAF_BYTES,
    Bits,
    Flags,
    Places,
    Positions,
    are_set,
    firsts,
    places_set,
    set_bits,
    spans,
)
from penstock.scratch import ScratchFile

SegmentNumbers = npt.NDArray[np.uint64]  # positions without their lowest 15 bits; ascending
Slots = npt.NDArray[np.int32]  # places of segments in the file
_NO_SLOT = -1
_NO_SLOTS: Slots = np.empty(0, dtype=np.int32)

_SEGMENT_BITS = 15
_SEGMENT_BYTES = 1 << (_SEGMENT_BITS - 3)
_GROUP_BITS = 10
_GROUP_SEGMENTS = 1 << _GROUP_BITS
_CHUNK_SEGMENTS = 1 << (CHUNK_BITS - _SEGMENT_BITS)
_GROUP_CHUNKS = _GROUP_SEGMENTS // _CHUNK_SEGMENTS
_BATCH_SEGMENTS = 1 << 10  # in memory together: 4 MB, twice while they are read


class SegmentFile:
    """A file of segments, shared by the row sets of a command."""

    def __init__(self) -> None:
        self._file = ScratchFile(
            "choosing the rows of the subset",
            "row addresses take up to 0.8 % of the tables' size, several times over,",
        )
        self._used = 0
        self._free: list[Slots] = []
        weakref.finalize(self, self._file.close)

    def allocate(self, count: int) -> Slots:
        parts: list[Slots] = []
        while count and self._free:
            slots = self._free.pop()
            parts.append(slots[:count])
            if len(slots) > count:
                self._free.append(slots[count:])
            count -= len(parts[-1])
        parts.append(np.arange(self._used, self._used + count, dtype=np.int32))
        self._used += count
        return np.concatenate(parts)

    def free(self, groups: dict[int, Slots]) -> None:
        slots = np.concatenate([_NO_SLOTS, *groups.values()])
        self._free.append(slots[slots != _NO_SLOT])

    def read(self, slots: Slots) -> Bits:
        """The segments (n, 4096) at these places; zeros where there is none."""
        there = slots != _NO_SLOT
        stored = slots[there]
        found = np.empty((len(stored), _SEGMENT_BYTES), dtype=np.uint8)
        for start, stop in _consecutive(stored):
            self._file.read(found[start:stop], int(stored[start]) * _SEGMENT_BYTES)
        if len(stored) == len(slots):
            return found
        segments = np.zeros((len(slots), _SEGMENT_BYTES), dtype=np.uint8)
        segments[there] = found
        return segments

    def write(self, slots: Slots, segments: Bits) -> None:
        for start, stop in _consecutive(slots):
            self._file.write(segments[start:stop], int(slots[start]) * _SEGMENT_BYTES)


class Segments:
    """What `Chunks` is, on disk."""

    __slots__ = ("__weakref__", "_file", "_groups", "_held", "_leaf_shift", "_of_leaf")

    def __init__(self, file: SegmentFile, leaf_bits: int) -> None:
        self._leaf_shift = leaf_bits - _SEGMENT_BITS - _GROUP_BITS
        self._file = file
        self._groups: dict[int, Slots] = {}  # as long as their last segment asks for
        self._of_leaf: dict[int, list[int]] = {}  # a leaf's groups
        self._held = 0
        weakref.finalize(self, file.free, self._groups)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._held + len(self._of_leaf) * LEAF_BYTES

    def add(self, positions: Positions) -> Flags:
        """Add distinct positions; which of them were not there."""
        new = np.empty(len(positions), dtype=bool)
        for own, numbers, places in _batches(positions):
            slots = self._slots(numbers)
            segments = self._file.read(slots)
            bits = segments.reshape(-1)
            new[own] = ~are_set(bits, places)
            set_bits(bits, places)
            changed = np.zeros(len(numbers), dtype=bool)
            changed[places[new[own]] >> _SEGMENT_BITS] = True
            self._store(numbers[changed], slots[changed], segments[changed])
        return new

    def contains(self, positions: Positions) -> Flags:
        found = np.empty(len(positions), dtype=bool)
        for own, numbers, places in _batches(positions):
            found[own] = are_set(self._file.read(self._slots(numbers)).reshape(-1), places)
        return found

    def keys(self, leaf: int | None = None) -> npt.NDArray[np.uint64]:
        """The chunks (of one leaf) that have positions, ascending."""
        found = [np.empty(0, dtype=np.uint64)]
        for group in sorted(self._groups if leaf is None else self._of_leaf.get(leaf, ())):
            has_any = (self._groups[group].reshape(-1, _CHUNK_SEGMENTS) != _NO_SLOT).any(axis=1)
            found.append(np.flatnonzero(has_any).astype(np.uint64) + np.uint64(group * _GROUP_CHUNKS))
        return np.concatenate(found)

    def chunk(self, key: int) -> Positions:
        """The positions of one chunk."""
        numbers = _of_chunk(key)
        slots = self._slots(numbers)
        there = slots != _NO_SLOT
        places = places_set(self._file.read(slots[there]).reshape(-1)).astype(np.uint64)
        low = places & np.uint64((1 << _SEGMENT_BITS) - 1)
        positions: Positions = (
            numbers[there][places >> np.uint64(_SEGMENT_BITS)] << np.uint64(_SEGMENT_BITS) | low
        )
        return positions

    def bits(self, key: int) -> Bits:
        """One chunk, as bits."""
        return self._file.read(self._slots(_of_chunk(key))).reshape(-1)

    def put(self, key: int, chunk: Bits) -> None:
        """Take over the bits of a chunk that has none here."""
        segments = chunk.reshape(_CHUNK_SEGMENTS, _SEGMENT_BYTES)
        filled = np.flatnonzero(segments.any(axis=1))
        self._store(_of_chunk(key)[filled], np.full(len(filled), _NO_SLOT, dtype=np.int32), segments[filled])

    def _slots(self, numbers: SegmentNumbers) -> Slots:
        """Where these segments are."""
        slots = np.full(len(numbers), _NO_SLOT, dtype=np.int32)
        for group, own in _by_group(numbers):
            known, places = self._groups.get(group, _NO_SLOTS), _in_group(numbers[own])
            inside = int(np.searchsorted(places, len(known)))
            slots[own][:inside] = known[places[:inside]]
        return slots

    def _store(self, numbers: SegmentNumbers, slots: Slots, segments: Bits) -> None:
        """Write segments, new ones to places of their own."""
        new = slots == _NO_SLOT
        if new.any():
            slots[new] = self._file.allocate(int(new.sum()))
            for group, own in _by_group(numbers):
                places = _in_group(numbers[own])
                self._group(group, int(places[-1]))[places] = slots[own]
        self._file.write(slots, segments)

    def _group(self, group: int, last: int) -> Slots:
        """The slots of a group, at least up to the last place."""
        slots = self._groups.get(group, _NO_SLOTS)
        if last < len(slots):
            return slots
        if not len(slots):
            self._of_leaf.setdefault(group >> self._leaf_shift, []).append(group)
            self._held += ARRAY_BYTES
        longer = np.full(int(_group_length(last // _CHUNK_SEGMENTS)), _NO_SLOT, dtype=np.int32)
        longer[: len(slots)] = slots
        self._held += longer.nbytes - slots.nbytes
        self._groups[group] = longer
        return longer


def nbytes_on_disk(keys: npt.NDArray[np.uint64], leaves: int) -> int:
    """The memory that `Segments` of these chunks (ascending) hold."""
    groups = keys // np.uint64(_GROUP_CHUNKS)
    last = keys[firsts(groups[::-1])[::-1]] % np.uint64(_GROUP_CHUNKS)
    return int(4 * _group_length(last).sum()) + len(last) * ARRAY_BYTES + leaves * LEAF_BYTES


def _group_length(last_chunk: npt.NDArray[np.uint64] | int) -> npt.NDArray[np.int64]:
    """How many slots a group has if this is the last of its chunks with any: a power of two, to grow seldom."""
    bit_length = np.frexp(last_chunk)[1].astype(np.int64)
    return np.int64(_CHUNK_SEGMENTS) << bit_length


def _in_group(numbers: SegmentNumbers) -> npt.NDArray[np.intp]:
    return (numbers % np.uint64(_GROUP_SEGMENTS)).astype(np.intp)


def _batches(positions: Positions) -> Iterator[tuple[slice, SegmentNumbers, Places]]:
    """Ascending positions, few segments at a time: which positions, their segments, their places among these."""
    numbers = positions >> np.uint64(_SEGMENT_BITS)
    starts = np.flatnonzero(firsts(numbers))
    for at in range(0, len(starts), _BATCH_SEGMENTS):
        own = starts[at : at + _BATCH_SEGMENTS]
        stop = starts[at + _BATCH_SEGMENTS] if at + _BATCH_SEGMENTS < len(starts) else len(positions)
        rows = slice(int(own[0]), int(stop))
        segment = np.repeat(np.arange(len(own), dtype=np.uint32), np.diff(own, append=stop))
        low = (positions[rows] & np.uint64((1 << _SEGMENT_BITS) - 1)).astype(np.uint32)
        yield rows, numbers[own], segment << np.uint32(_SEGMENT_BITS) | low


def _by_group(numbers: SegmentNumbers) -> Iterator[tuple[int, slice]]:
    """Segments cut by group: (group, which of them)."""
    groups = numbers >> np.uint64(_GROUP_BITS)
    for start, stop in spans(groups):
        yield int(groups[start]), slice(start, stop)


def _consecutive(slots: Slots) -> Iterator[tuple[int, int]]:
    """Which slots follow each other in the file: they are read or written together."""
    return spans(slots - np.arange(len(slots)))


def _of_chunk(key: int) -> SegmentNumbers:
    return np.arange(key * _CHUNK_SEGMENTS, (key + 1) * _CHUNK_SEGMENTS, dtype=np.uint64)

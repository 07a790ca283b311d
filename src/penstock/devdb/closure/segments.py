"""Bitmaps on disk, for row sets that are too large for memory: segments of 4 kB in one nameless file of a command.

A *segment* has the bits of 2¹⁵ positions in a row, which are 64 pages of a table; "page" is always one of PostgreSQL's.
Of 2²⁵ positions in a row (512 MB of a table) memory holds at most 4 kB: which segments they have, and where. Rows come
in batches that are sorted first, so that every segment of a batch is read and written once, and neighbours together.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.chunks import (
    CHUNK_BITS,
    Bits,
    Flags,
    Places,
    Positions,
    are_set,
    firsts,
    in_chunk,
    places_set,
    set_bits,
    spans,
)
from penstock.scratch import ScratchFile

SegmentNumbers = npt.NDArray[np.uint64]  # positions without their lowest 15 bits; ascending
Slots = npt.NDArray[np.int32]  # places of segments in the file
_NO_SLOT = -1

_SEGMENT_BITS = 15
_SEGMENT_BYTES = 1 << (_SEGMENT_BITS - 3)
_GROUP_BITS = 10
_GROUP_SEGMENTS = 1 << _GROUP_BITS
_GROUP_BYTES = 4 * _GROUP_SEGMENTS + 256  # in memory
_CHUNK_SEGMENTS = 1 << (CHUNK_BITS - _SEGMENT_BITS)
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
        self._free += [slots[slots != _NO_SLOT] for slots in groups.values()]

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

    __slots__ = ("__weakref__", "_file", "_groups")

    def __init__(self, file: SegmentFile) -> None:
        self._file = file
        self._groups: dict[int, Slots] = {}
        weakref.finalize(self, file.free, self._groups)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return len(self._groups) * _GROUP_BYTES

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

    def keys(self) -> npt.NDArray[np.uint64]:
        """The chunks that have positions, ascending."""
        found = [np.empty(0, dtype=np.uint64)]
        for group, slots in sorted(self._groups.items()):
            has_any = (slots.reshape(-1, _CHUNK_SEGMENTS) != _NO_SLOT).any(axis=1)
            found.append(np.flatnonzero(has_any).astype(np.uint64) + np.uint64(group * len(has_any)))
        return np.concatenate(found)

    def chunk(self, key: int) -> Positions:
        """The positions of one chunk."""
        return in_chunk(key, places_set(self._file.read(self._slots(_of_chunk(key))).reshape(-1)))

    def put(self, key: int, chunk: Bits) -> None:
        """Take over the bits of a chunk that has none here."""
        segments = chunk.reshape(_CHUNK_SEGMENTS, _SEGMENT_BYTES)
        filled = np.flatnonzero(segments.any(axis=1))
        self._store(_of_chunk(key)[filled], np.full(len(filled), _NO_SLOT, dtype=np.int32), segments[filled])

    def _slots(self, numbers: SegmentNumbers) -> Slots:
        """Where these segments are."""
        slots = np.full(len(numbers), _NO_SLOT, dtype=np.int32)
        for group, own in _by_group(numbers):
            if group in self._groups:
                slots[own] = self._groups[group][numbers[own] % np.uint64(_GROUP_SEGMENTS)]
        return slots

    def _store(self, numbers: SegmentNumbers, slots: Slots, segments: Bits) -> None:
        """Write segments, new ones to places of their own."""
        new = slots == _NO_SLOT
        if new.any():
            slots[new] = self._file.allocate(int(new.sum()))
            for group, own in _by_group(numbers):
                if group not in self._groups:
                    self._groups[group] = np.full(_GROUP_SEGMENTS, _NO_SLOT, dtype=np.int32)
                self._groups[group][numbers[own] % np.uint64(_GROUP_SEGMENTS)] = slots[own]
        self._file.write(slots, segments)


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

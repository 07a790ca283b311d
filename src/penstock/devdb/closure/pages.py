"""Bitmaps on disk, for row sets that are too large for memory: pages of 4 kB in one nameless file of a run.

Of 2²⁵ positions in a row (512 MB of a table) memory holds at most 4 kB: which pages they have, and where. Rows come in
batches that are sorted first, so that every page of a batch is read and written once, and neighbours together.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.chunks import CHUNK_BITS, Bits, Mask, Positions
from penstock.scratch import ScratchFile

Slots = npt.NDArray[np.int32]  # places of pages in the file
_NO_SLOT = -1

_PAGE_BITS = 15
_PAGE_BYTES = 1 << (_PAGE_BITS - 3)
_GROUP_BITS = 10  # pages of a group
_GROUP_PAGES = 1 << _GROUP_BITS
_GROUP_BYTES = 4 * _GROUP_PAGES + 256
_CHUNK_PAGES = 1 << (CHUNK_BITS - _PAGE_BITS)
_AT_ONCE = 1 << 10  # pages in memory together: 4 MB


class PageFile:
    """Hands out pages of a file, and takes them back."""

    def __init__(self) -> None:
        self._file = ScratchFile(
            "the rows of the subset", "row addresses, up to 0.8 % of a table's size several times over,"
        )
        self._used = 0
        self._free: list[Slots] = []
        weakref.finalize(self, self._file.close)

    def take(self, count: int) -> Slots:
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

    def give_back(self, groups: dict[int, Slots]) -> None:
        self._free += [slots[slots != _NO_SLOT] for slots in groups.values()]

    def read(self, slots: Slots) -> Bits:
        """The pages (n, 4096) at these places; zeros where there is none."""
        pages = np.zeros((len(slots), _PAGE_BYTES), dtype=np.uint8)
        there = np.flatnonzero(slots != _NO_SLOT)
        together = (np.diff(slots[there]) == 1) & (np.diff(there) == 1)
        for run in _cut(there, ~together):
            self._file.read(pages[run[0] : run[-1] + 1], int(slots[run[0]]) * _PAGE_BYTES)
        return pages

    def write(self, slots: Slots, pages: Bits) -> None:
        for run in _cut(np.arange(len(slots)), np.diff(slots) != 1):
            self._file.write(pages[run[0] : run[-1] + 1], int(slots[run[0]]) * _PAGE_BYTES)


class Pages:
    """What `Chunks` is, on disk."""

    __slots__ = ("__weakref__", "_file", "_groups")

    def __init__(self, file: PageFile) -> None:
        self._file = file
        self._groups: dict[int, Slots] = {}
        weakref.finalize(self, file.give_back, self._groups)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return len(self._groups) * _GROUP_BYTES

    def add(self, positions: Positions) -> Mask:
        """Add distinct positions; which of them were not there."""
        new = np.empty(len(positions), dtype=bool)
        for rows, numbers, octets, bits in _by_page(positions):
            slots = self._slots(numbers)
            pages = self._file.read(slots)
            flat = pages.reshape(-1)
            new[rows] = flat[octets] & bits == 0
            np.bitwise_or.at(flat, octets, bits)
            changed = np.zeros(len(numbers), dtype=bool)
            changed[octets[new[rows]] // _PAGE_BYTES] = True
            self._store(numbers[changed], slots[changed], pages[changed])
        return new

    def contains(self, positions: Positions) -> Mask:
        found = np.empty(len(positions), dtype=bool)
        for rows, numbers, octets, bits in _by_page(positions):
            found[rows] = self._file.read(self._slots(numbers)).reshape(-1)[octets] & bits != 0
        return found

    def keys(self) -> npt.NDArray[np.uint64]:
        """The chunks that have positions, ascending."""
        found = [np.empty(0, dtype=np.uint64)]
        for group, slots in sorted(self._groups.items()):
            has_any = (slots.reshape(-1, _CHUNK_PAGES) != _NO_SLOT).any(axis=1)
            found.append(np.flatnonzero(has_any).astype(np.uint64) + np.uint64(group * len(has_any)))
        return np.concatenate(found)

    def chunk(self, key: int) -> Positions:
        """The positions of one chunk."""
        pages = self._file.read(self._slots(_pages_of(key)))
        low = np.flatnonzero(np.unpackbits(pages.reshape(-1), bitorder="little"))
        return np.uint64(key << CHUNK_BITS) | low.astype(np.uint64)

    def put(self, key: int, chunk: Bits) -> None:
        """Take over the bits of a chunk that has none here."""
        pages = chunk.reshape(_CHUNK_PAGES, _PAGE_BYTES)
        filled = np.flatnonzero(pages.any(axis=1))
        self._store(_pages_of(key)[filled], np.full(len(filled), _NO_SLOT, dtype=np.int32), pages[filled])

    def _slots(self, numbers: Positions) -> Slots:
        """Where the pages of these ascending numbers are."""
        slots = np.full(len(numbers), _NO_SLOT, dtype=np.int32)
        for group, start, stop in _by_group(numbers):
            if group in self._groups:
                slots[start:stop] = self._groups[group][numbers[start:stop] % np.uint64(_GROUP_PAGES)]
        return slots

    def _store(self, numbers: Positions, slots: Slots, pages: Bits) -> None:
        """Write pages, new ones to places of their own."""
        new = slots == _NO_SLOT
        if new.any():
            slots[new] = self._file.take(int(new.sum()))
            for group, start, stop in _by_group(numbers):
                if group not in self._groups:
                    self._groups[group] = np.full(_GROUP_PAGES, _NO_SLOT, dtype=np.int32)
                self._groups[group][numbers[start:stop] % np.uint64(_GROUP_PAGES)] = slots[start:stop]
        self._file.write(slots, pages)


def _by_page(positions: Positions) -> Iterator[tuple[slice, Positions, npt.NDArray[np.int64], Bits]]:
    """Ascending positions, few pages at a time: which positions, the pages' numbers, and for each position the byte
    among those of these pages, and the bit in it."""
    numbers = positions >> np.uint64(_PAGE_BITS)
    first = np.ones(len(numbers), dtype=bool)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    firsts = np.flatnonzero(first)
    for at in range(0, len(firsts), _AT_ONCE):
        own = firsts[at : at + _AT_ONCE]
        stop = firsts[at + _AT_ONCE] if at + _AT_ONCE < len(firsts) else len(positions)
        rows = slice(int(own[0]), int(stop))
        page = np.repeat(np.arange(len(own)), np.diff(own, append=stop))
        low = (positions[rows] & np.uint64((1 << _PAGE_BITS) - 1)).astype(np.int64)
        yield rows, numbers[own], page * _PAGE_BYTES + (low >> 3), (1 << (low & 7)).astype(np.uint8)


def _by_group(numbers: Positions) -> Iterator[tuple[int, int, int]]:
    """Ascending page numbers cut by group: (group, start, stop)."""
    groups = numbers >> np.uint64(_GROUP_BITS)
    for run in _cut(np.arange(len(numbers)), groups[1:] != groups[:-1]):
        yield int(groups[run[0]]), int(run[0]), int(run[-1]) + 1


def _cut(places: npt.NDArray[np.intp], apart: Mask) -> Iterator[npt.NDArray[np.intp]]:
    """Places cut where one and the next are `apart`; nothing for no places."""
    for start, stop in pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(places)]):
        if stop:
            yield places[start:stop]


def _pages_of(key: int) -> Positions:
    return np.arange(key * _CHUNK_PAGES, (key + 1) * _CHUNK_PAGES, dtype=np.uint64)

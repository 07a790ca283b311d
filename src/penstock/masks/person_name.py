"""`person_name`: a whole name in one column, agreeing with the columns that hold its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from penstock.catalog.types import Family
from penstock.detect.spans import I64, Flags
from penstock.errors import MaskError
from penstock.masks.contract import Input
from penstock.masks.parts.words import NamePool, PoolMask, Words

_COMMA = ord(",")


@dataclass(frozen=True, slots=True)
class Options:
    """How the column writes names."""

    order: str = "first last"  # or "last first", where the family name is written first without a comma

    def __post_init__(self) -> None:
        if self.order not in ("first last", "last first"):
            raise ValueError(f"order is 'first last' or 'last first', not {self.order!r}")


class PersonName(PoolMask):
    """Reads `First Last`, `LAST, First` and `Dr Jan van der Berg Jr`, and masks each part as its own column would.

    The family name is the last word, with the particles and words from the first particle on; before a comma, all of
    it. A single word is taken for a first name.
    """

    name = "person_name"
    summary = "whole names; the parts agree with first_name and last_name"
    example = ("SMITH, Mary", "another name in the same form")
    families = frozenset({Family.TEXT})
    default_domain = "person"
    Options = Options

    def prepare(self) -> None:
        self._first = NamePool(self.keys, f"{self.domain}.first_name", "first_names", self.room)
        self._last = NamePool(self.keys, f"{self.domain}.last_name", "last_names", self.room)
        if self.room is not None and self.room < len("A B"):
            raise MaskError(f"no whole name fits into {self.room} characters", hint="use the mask text there")

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        words = Words.of(values)
        if len(words.spans) == 0:
            return self.finished(values, words.texts.array)
        spellings = [self._first.of(words.distinct), self._last.of(words.distinct), words.distinct]
        family = _family(words, last_first=self.options.order == "last first").astype(np.int64)
        return self.finished(values, words.written(spellings, np.where(words.kept, 2, family)))


def _family(words: Words, *, last_first: bool) -> Flags:
    """Which words belong to the family name."""
    rows, names = words.rows, ~words.titles
    n = len(words.texts)
    # "Dr Mary Day-Lewis Jr" has two names: titles do not count, and what a hyphen ties is one.
    heads = names & ~words.is_tied
    count = np.bincount(rows[heads], minlength=n)
    before: I64 = np.cumsum(heads) - heads
    place: I64 = before + heads - 1 - before[np.arange(len(rows)) - words.places]
    family: Flags
    if last_first:
        family = place == 0
    else:
        family = place == count[rows] - 1
        joined = words.particles & (place > 0) & names
        first_particle = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(first_particle, rows[joined], place[joined])
        family |= place >= first_particle[rows]
    family &= count[rows] > 1
    # A comma with a name on both sides: what stands before it is the family name.
    commas = np.flatnonzero(words.texts.data == _COMMA)
    comma_rows, first_of_row = np.unique(words.texts.rows(commas), return_index=True)
    comma = np.full(n, -1, np.int64)
    comma[comma_rows] = commas[first_of_row]
    left = names & (words.spans.starts < comma[rows])
    right = names & (comma[rows] >= 0) & ~left
    both = (np.bincount(rows[left], minlength=n) > 0) & (np.bincount(rows[right], minlength=n) > 0)
    return np.where(both[rows], left, family)

"""`first_name`: first names, word by word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import NamePool, PoolMask, Words


class FirstName(PoolMask):
    """Each word becomes a first name of the pool: `Mary Ann` two of them, `MARY` one in capitals, `M.` an initial."""

    name = "first_name"
    summary = "first names from a pool; number of words and letter case stay"
    example = ("MARY ANN", "two other first names in capitals")
    families = frozenset({Family.TEXT})
    default_domain = "person.first_name"

    def prepare(self) -> None:
        self._pool = NamePool(self.keys, self.domain, "first_names", self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        words = Words.of(values)
        spellings = [self._pool.of(words.distinct), words.distinct]
        return self.finished(values, words.written(spellings, words.kept.astype(np.int64)))

"""`last_name`: family names, word by word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import NamePool, PoolMask, Words


class LastName(PoolMask):
    """Each word becomes a family name of the pool; small particles (`van der`) and `Jr` stay."""

    name = "last_name"
    summary = "family names from a pool; number of words, particles and letter case stay"
    example = ("van der Berg", "van der and another family name")
    families = frozenset({Family.TEXT})
    default_domain = "person.last_name"

    def prepare(self) -> None:
        self._pool = NamePool(self.keys, self.domain, "last_names", self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        words = Words.of(values)
        spellings = [self._pool.of(words.distinct), words.distinct]
        return self.finished(values, words.written(spellings, words.kept.astype(np.int64)))

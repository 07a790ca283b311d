"""`company`: names of firms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.keys import U64
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import Picker, PoolMask, in_case_of, normalised
from penstock.pools.load import pool

_BLANK = pa.scalar(" ", pa.large_string())


class Company(PoolMask):
    """A word, a line of business and a legal form: about a million names, shorter ones where the column is short."""

    name = "company"
    summary = "a made-up firm; letter case stays"
    example = ("Meier & Sons KG", "a word, a line of business, a legal form")
    families = frozenset({Family.TEXT})
    default_domain = "company"

    def prepare(self) -> None:
        self._prf = self.keys.prf(self.domain, "company")
        self._words = Picker(pool("company_words"), self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        digest = self._prf.digest(normalised(values))
        word = self._words.of(digest)
        two = pc.binary_join_element_wise(word, _of(digest[:, 0] >> np.uint64(32), "company_sectors"), _BLANK)
        name = pc.binary_join_element_wise(two, _of(digest[:, 1] >> np.uint64(32), "company_forms"), _BLANK)
        if self.room is not None:
            for shorter in (two, word):
                name = pc.if_else(pc.less_equal(pc.utf8_length(name), self.room), name, shorter)
        return self.finished(values, in_case_of(values.cast(pa.large_string()), name))


def _of(bits: U64, name: str) -> pa.Array:
    values = pool(name)
    return values.take(pa.array((bits % np.uint64(len(values))).astype(np.int64)))

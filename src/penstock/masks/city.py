"""`city`: names of towns."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import Picker, PoolMask, in_case_of, normalised
from penstock.pools.load import pool


class City(PoolMask):
    """A town of the pool for each town, in its letter case. The town need not lie in the row's country."""

    name = "city"
    summary = "a town from a pool; letter case stays"
    example = ("SETUBAL", "another town in capitals")
    families = frozenset({Family.TEXT})
    default_domain = "place.city"

    def prepare(self) -> None:
        self._prf = self.keys.prf(self.domain, "city")
        self._pick = Picker(pool("cities"), self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        masked = self._pick.of(self._prf.digest(normalised(values)))
        return self.finished(values, in_case_of(values.cast(pa.large_string()), masked))

"""`street_address`: the street and the house number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import Picker, PoolMask, in_case_of, normalised
from penstock.pools.load import pool

_BLANK = pa.scalar(" ", pa.large_string())
_NUMBER = 4  # digits a house number has at most
_LEADS = r"^[^\p{L}\p{N}]*[0-9]"
_FOLLOWS = r"\p{L}.*[0-9]"


class StreetAddress(PoolMask):
    """A street of the pool, with a number before it where the address begins with one, after it where one follows.

    Everything else an address may hold (floor, door, name on the bell) is dropped.
    """

    name = "street_address"
    summary = "a street from a pool with a made-up number, on the side where the number stood"
    example = ("Rua do Ouro 5, third floor", "another street and number")
    families = frozenset({Family.TEXT})
    default_domain = "place.street"

    def prepare(self) -> None:
        self._prf = self.keys.prf(self.domain, "street")
        shortest = pc.min(pc.utf8_length(pool("streets"))).as_py()
        self._numbered = self.room is None or self.room >= shortest + 1 + _NUMBER
        taken = 1 + _NUMBER if self._numbered else 0
        self._pick = Picker(pool("streets"), None if self.room is None else self.room - taken)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        values = values.cast(pa.large_string())
        digest = self._prf.digest(normalised(values))
        street = in_case_of(
            pc.replace_substring_regex(values, pattern="[0-9]+", replacement=""), self._pick.of(digest)
        )
        if self._numbered:
            number = pa.array((digest[:, 1] >> np.uint64(32)) % np.uint64(199) + np.uint64(1)).cast(
                pa.large_string()
            )
            leads = pc.match_substring_regex(values, _LEADS)
            follows = pc.match_substring_regex(pc.replace_substring(values, "\n", " "), _FOLLOWS)
            before = pc.binary_join_element_wise(number, street, _BLANK)
            after = pc.binary_join_element_wise(street, number, _BLANK)
            street = pc.if_else(leads, before, pc.if_else(follows, after, street))
        return self.finished(values, street)

"""`null`: nothing at all."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness


class Null(Mask):
    """NULL for every value, the empty string too."""

    name = "null"
    summary = "NULL for every value"
    example = ("anything", "NULL")
    families = frozenset(Family)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LOSSY,
            Codomain.CONSTANT,
            max_length=0,
            keeps_empty=False,
            makes_null=True,
            collision_bits=0,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return pa.nulls(len(values), pa.large_string())

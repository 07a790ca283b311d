"""`keep`: the value itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness


class Keep(Mask):
    """Lets the value through. A decision like any other: somebody said that it is not personal."""

    name = "keep"
    summary = "the value itself, unmasked"
    example = ("blue", "blue")
    families = frozenset(Family)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.INJECTIVE, Codomain.SAME, self.site.max_length, keeps_length=True, keeps_format=True
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return values

    def normalise(self, values: pa.Array) -> pa.Array:
        """The values as they are: nothing is derived from them."""
        return values

    def by_domain(self, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        """Nothing: they stay anyway."""
        return iter(())

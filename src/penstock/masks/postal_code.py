"""`postal_code`: another code of the same layout."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.layout import SymbolPermutation


class PostalCode(Mask):
    """Digits become digits, letters letters of their case. The code need not exist, nor lie in the row's country."""

    name = "postal_code"
    summary = "another postal code of the same layout; never two values to one"
    example = ("SW1A 2aa", "two letters, a digit, a letter, a blank …")
    families = frozenset({Family.TEXT})
    default_domain = "place.postal_code"

    def setup(self) -> None:
        self._permutation = SymbolPermutation(self.keys, self.domain)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            max_length=self.site.max_length,
            keeps_length=True,
            keeps_format=True,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self._permutation.all_of(values.fill_null(""))

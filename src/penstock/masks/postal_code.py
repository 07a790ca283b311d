"""`postal_code`: another code of the same layout."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Contract, Input, Mask
from penstock.masks.parts.layout import SymbolPermutation, layout_contract


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
        return layout_contract(self.site)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self._permutation.all_of(values.fill_null(""))

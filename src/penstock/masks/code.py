"""`code`: another code of the same layout, for keys and references that people made up."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Contract, Input, Mask
from penstock.masks.parts.layout import SymbolPermutation, layout_contract


class Code(Mask):
    """Digits become digits, letters letters of their case; all characters of a code are permuted together.

    Unlike `digits` it leaves no letter as it was, and unlike `text` it is injective in columns as short as char(5).
    """

    name = "code"
    summary = "another code of the same layout, letters and digits; never two values to one"
    example = ("ALFKI", "five other letters")
    families = frozenset({Family.TEXT})
    default_domain = "code"

    def setup(self) -> None:
        self._permutation = SymbolPermutation(self.keys, self.domain)

    def contract(self) -> Contract:
        return layout_contract(self.site)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self._permutation.all_of(values.fill_null(""))

"""`text`: a short pseudonym for any text."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.arrays import base32, strings_from_matrix

_WIDTH = 16  # base32 characters: 80 bits, so that 10^9 distinct values collide with probability 4·10^-7
_FRESH = 8  # characters, 40 bits, from which a pseudonym is nobody's value


class Text(Mask):
    """Sixteen base32 characters of keyed bits, fewer where the column is shorter.

    Base32 and not hexadecimal, because short columns are where collisions hurt: ten characters hold 50 bits
    instead of 40.
    """

    name = "text"
    summary = "a pseudonym of 16 characters, shorter where the column is"
    example = ("Rua do Ouro 5, third floor", "16 letters and digits")
    families = frozenset({Family.TEXT})
    default_domain = "text"

    def setup(self) -> None:
        self._prf = self.keys.prf(self.domain, "text")
        self._width = min(_WIDTH, self.site.max_length or _WIDTH)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LIKELY,
            # Of ten thousand pseudonyms of five letters, some meet one of ten thousand real words; of eight, none.
            Codomain.FRESH if self._width >= _FRESH else Codomain.PERMUTATION,
            max_length=self._width,
            collision_bits=5 * self._width,
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return strings_from_matrix(base32(self._prf.digest(values), self._width))

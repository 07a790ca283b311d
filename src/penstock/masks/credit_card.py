"""`credit_card`: another card number that checks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.credit_card import luhn_sums
from penstock.detect.spans import Texts
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import by_count, octets_of
from penstock.masks.parts.layout import IS_DIGIT, LayoutMask, assembled

_SHORTEST = 8  # digits that are taken for a card number: the shortest of ISO/IEC 7812


class CreditCard(LayoutMask):
    """The first digit (the kind of card) stays, the others are permuted, the check digit (Luhn) is made right.

    A number whose check digit is wrong by k becomes one that is wrong by k, so that no two numbers become one. What
    has letters or fewer than eight digits is no card number: all its digits and letters are permuted.
    """

    name = "credit_card"
    summary = "another card number with a right check digit, in the same grouping; never two values to one"
    example = ("4111 1111 1111 1111", "another number that begins with 4 and checks")
    default_domain = "payment.card"

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        values = values.fill_null("")
        offsets, data = octets_of(values)
        first = np.concatenate([[0], np.cumsum(IS_DIGIT[data])])[offsets]
        other = np.concatenate([[0], np.cumsum(_NO_CARD[data])])[offsets]
        cards = (np.diff(first) >= _SHORTEST) & (np.diff(other) == 0)
        if not cards.all():
            masked = self._permutation.all_of(values)
            if not cards.any():
                return masked
            chosen = pa.array(cards)
            return pc.replace_with_mask(masked, chosen, self._cards(values.filter(chosen)))
        return self._cards(values)

    def _cards(self, values: pa.Array) -> pa.Array:
        offsets, data = octets_of(values)
        out = data.copy()
        positions = np.flatnonzero(IS_DIGIT[data])
        for _, places in by_count(offsets, positions):
            digits = data[places] - 48
            digits[:, 1:-1] = self._permutation.digits(digits[:, 1:-1])
            # The sum with the old check digit, less the old sum: what the new check digit must take back.
            old, new = luhn_sums(_texts(data[places] - 48)), luhn_sums(_texts(digits))
            digits[:, -1] = (digits[:, -1] + old - new) % 10
            out[places] = digits + 48
        return assembled(offsets, out)


_NO_CARD = np.array([chr(i).isalpha() or i >= 128 for i in range(256)])


def _texts(digits: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Texts:
    n, width = digits.shape
    return Texts((digits + 48).ravel(), np.arange(n + 1, dtype=np.int64) * width)

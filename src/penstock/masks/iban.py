"""`iban`: another account number of the same country that checks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from penstock.masks.contract import Input
from penstock.masks.parts.arrays import I64, U8, by_count, octets_of
from penstock.masks.parts.layout import IS_DIGIT, IS_LETTER, LayoutMask, assembled

_FORM = r"^[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){7,30}$"  # ISO 13616 knows 15 to 34 characters; a few more are let in
_HEAD = 4  # country and check digits


class Iban(LayoutMask):
    """The country stays, digits become digits and letters letters, the check digits (ISO 7064 MOD 97-10) become right.

    Check digits that are wrong by k become ones that are wrong by k, so that no two numbers become one. What has not
    the form of an IBAN (an account number of a country without IBANs) keeps its layout.
    """

    name = "iban"
    summary = "another IBAN of the same country with right check digits, in the same grouping"
    example = ("DE89 3704 0044 0532 0130 00", "another German IBAN in groups of four")
    default_domain = "payment.iban"

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self.by_form(values, _FORM, self._ibans)

    def _ibans(self, values: pa.Array) -> pa.Array:
        offsets, data = octets_of(values)
        out = data.copy()
        positions = np.flatnonzero((IS_DIGIT | IS_LETTER)[data])
        first = np.searchsorted(positions, offsets)
        place = np.arange(len(positions)) - np.repeat(first[:-1], np.diff(first))
        self._permutation.in_place(offsets, out, positions[place >= _HEAD])
        for _, places in by_count(offsets, positions):
            given = _check_digits(data[places])
            right = _right_check_digits(data[places])
            made = (_right_check_digits(out[places]) + given - right) % 100
            out[places[:, 2]] = made // 10 + 48
            out[places[:, 3]] = made % 10 + 48
        return assembled(offsets, out)


def _check_digits(characters: U8) -> I64:
    return (characters[:, 2].astype(np.int64) - 48) * 10 + characters[:, 3] - 48


def _right_check_digits(characters: U8) -> I64:
    """What the check digits of each row of characters must be, 2 … 98."""
    body = np.hstack([characters[:, _HEAD:], characters[:, :2]]).astype(np.int64)
    rest = np.zeros(len(body), np.int64)
    for i, column in enumerate(body.T):
        letter = column > 57
        rest = rest * np.where(letter, 100, 10) + np.where(letter, (column | 32) - 87, column - 48)
        if i % 8 == 7:  # 97 · 100^8 still fits into 64 bits, and the remainder is what costs time
            rest %= 97
    rest %= 97
    return 98 - rest * 100 % 97

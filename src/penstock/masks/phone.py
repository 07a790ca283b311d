"""`phone`: another number in the same layout."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from penstock.detect.spans import Flags
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import I64, U8, by_count, octets_of
from penstock.masks.parts.layout import IS_DIGIT, IS_LETTER, LayoutMask, assembled

# No letters but those before an extension.
_FORM = r"(?i)^[^a-z\x{80}-\x{10ffff}]*(?:(?:x|ext|extn|extension)[.: ]*[0-9]+[ )]*)?$"
# ITU-T E.164: country codes are of one digit in zones 1 and 7, of two where listed, of three elsewhere.
_ONE_DIGIT = (1, 7)
_TWO_DIGITS = (
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
)  # fmt: skip
_CODE_LENGTH = np.array([1 if i // 10 in _ONE_DIGIT else 2 if i in _TWO_DIGITS else 3 for i in range(100)])


class Phone(LayoutMask):
    """Separators, the country code after `+` or `00` and leading zeros stay; the other digits are permuted together.

    So `+44 20 7946 0018`, `020 7946 0018` and `(020) 79460018` become the same number in their own layouts.
    """

    name = "phone"
    summary = "another phone number in the same layout and country; never two values to one"
    example = ("+351 912 345 678", "+351 and nine other digits")
    default_domain = "person.phone"

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return self.by_form(values, _FORM, self._phones)

    def _phones(self, values: pa.Array) -> pa.Array:
        offsets, data = octets_of(values)
        if len(data) == 0:
            return values
        out = data.copy()
        positions = np.flatnonzero(IS_DIGIT[data])
        extended = _after_letters(offsets, data, positions)
        for _, places in by_count(offsets, positions[extended]):
            out[places] = self._permutation.digits(data[places] - 48) + 48
        positions = positions[~extended]
        for _, places in by_count(offsets, positions[_subscriber(offsets, data, positions)]):
            out[places] = self._without_leading_zero(data[places] - 48) + 48
        return assembled(offsets, out)

    def _without_leading_zero(self, digits: U8) -> U8:
        """Permute among the numbers that do not begin with 0 (cycle walking): such a 0 would be taken for a prefix."""
        image = self._permutation.digits(digits)
        led = np.flatnonzero(image[:, 0] == 0)
        while len(led):
            image[led] = self._permutation.digits(image[led])
            led = led[image[led, 0] == 0]
        return image


def _after_letters(offsets: I64, data: U8, positions: I64) -> Flags:
    """Which of the sorted positions stand after a letter of their text: the digits of an extension."""
    is_letter = IS_LETTER[data]
    if not is_letter.any():
        return np.zeros(len(positions), np.bool_)
    letters = np.concatenate([[0], np.cumsum(is_letter)])
    rows = np.searchsorted(offsets, positions, side="right") - 1
    return letters[positions] > letters[offsets[rows]]


def _subscriber(offsets: I64, data: U8, positions: I64) -> Flags:
    """Which of the sorted digit positions belong to neither country code nor leading zeros."""
    first = np.searchsorted(positions, offsets)
    counts = np.diff(first)
    digits = np.concatenate([data[positions] - 48, np.full(8, 255, np.uint8)]).astype(np.int64)

    def digit(i: I64) -> I64:
        """Digit i of each text; 255 after its last."""
        return np.where(i < counts, digits[np.minimum(first[:-1] + i, len(digits) - 1)], 255)

    zero = np.zeros(len(counts), np.int64)
    pluses = np.concatenate([[0], np.cumsum(data == ord("+"))])
    begin = np.concatenate([positions, [len(data)]])[first[:-1]]
    plus = pluses[np.maximum(np.minimum(begin, offsets[1:]), offsets[:-1])] > pluses[offsets[:-1]]
    double_zero = ~plus & (digit(zero) == 0) & (digit(zero + 1) == 0)
    skipped = np.where(double_zero, 2, 0)
    code = digit(skipped) * 10 + digit(skipped + 1)
    # A code never begins with 0: "000…" and "+0…" have none.
    coded = (plus | double_zero) & (digit(skipped) != 0) & (code < 100)
    skipped += np.where(coded, _CODE_LENGTH[np.minimum(code, 99)], 0)
    skipped = np.where(skipped < counts, skipped, counts)
    leading = digit(skipped) == 0
    while leading.any():
        skipped += leading
        leading = digit(skipped) == 0
    place = np.arange(len(positions)) - np.repeat(first[:-1], counts)
    return place >= np.repeat(skipped, counts)

"""`digits`: other digits in the same places."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.arrays import by_count, octets_of
from penstock.masks.parts.decimals import DigitPermutation

_ZERO = ord("0")


class Digits(Mask):
    """A keyed permutation of all digit strings of one length, leading zeros included; everything else stays in place.

    `912 345 678` and `912-345-678` become the same digits. Digits of other scripts (Arabic, Devanagari …) are replaced
    within their script. A value without a digit stays as it is.
    """

    name = "digits"
    summary = "other digits in the same places; never two values to one"
    example = ("+351 912-345-678", "the same layout with other digits")
    families = frozenset({Family.TEXT})
    default_domain = "digits"

    def setup(self) -> None:
        self._permutation = DigitPermutation(self.keys, self.domain)

    def contract(self) -> Contract:
        room = self.site.max_length
        few = room is not None and room < 3
        return Contract(
            Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            max_length=room,
            keeps_length=True,
            keeps_format=True,
            warnings=("strings of fewer than three digits: a permutation hides nothing",) if few else (),
        )

    def normalise(self, values: pa.Array) -> pa.Array:
        """The values as they are: spellings that compare equal differ in what stays, and stay equal."""
        return values

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        foreign = pc.fill_null(pc.match_substring_regex(values, r"\p{Nd}"), fill_value=False)
        ascii_only = pc.string_is_ascii(values)
        others = pc.and_kleene(foreign, pc.invert(pc.fill_null(ascii_only, fill_value=True)))
        rows = np.flatnonzero(others.to_numpy(zero_copy_only=False))
        if len(rows) == 0:
            return self._in_place(values)
        plain = pc.if_else(others, pa.scalar("", values.type), values)
        slow = pa.array(
            [self._spelled(v) for v in values.take(pa.array(rows)).to_pylist()], pa.large_string()
        )
        return pc.replace_with_mask(self._in_place(plain), others, slow)

    def _in_place(self, values: pa.Array) -> pa.Array:
        offsets, data = octets_of(values)
        if len(data) == 0:
            return values
        out = data.copy()
        for _, places in by_count(offsets, np.flatnonzero((data >= _ZERO) & (data <= _ZERO + 9))):
            out[places] = self._permutation(data[places] - _ZERO) + _ZERO
        return pa.Array.from_buffers(
            pa.large_string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(out)]
        )

    def _spelled(self, value: str) -> str:
        """One value with digits of any script."""
        places = [i for i, c in enumerate(value) if c.isdecimal()]
        digits = np.array([[int(value[i]) for i in places]], np.uint8)
        characters = list(value)
        for i, digit in zip(places, self._permutation(digits)[0].tolist(), strict=True):
            characters[i] = chr(
                ord(value[i]) - int(value[i]) + digit
            )  # each script has its ten digits in a row
        return "".join(characters)

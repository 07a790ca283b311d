"""`integer`: another whole number of the same kind, and never two values to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Contract, Input, Mask, Uniqueness
from penstock.masks.parts.arrays import I64
from penstock.masks.parts.permutation import FEW, Permutation

_SMALLEST = 10_000  # values below it form one segment: fewer digits alone would hide nothing
_INT64 = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class IntegerOptions:
    """Values in `minimum` … `maximum` are permuted among themselves, values outside among the rest."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class _Segment:
    low: int
    high: int  # inclusive

    @property
    def size(self) -> int:
        return self.high - self.low + 1


class Integer(Mask):
    """A keyed permutation of the whole numbers, segment by segment.

    Without options the segments are: zero (stays zero, as a CHECK of `> 0` and a count of none want it), 1 … 9,999,
    then one segment per number of decimal digits, cut at the column type's bounds; negative numbers likewise. So small
    ids stay small, every type holds its pseudonyms, sums keep their magnitude, and a foreign key still joins. On a
    key, the narrowest column of the key class gives the bounds.
    """

    name = "integer"
    summary = "another whole number of as many digits; never two values to one"
    example = ("48213", "five other digits")
    families = frozenset({Family.INTEGER, Family.NUMERIC})
    default_domain = "integer"
    Options = IntegerOptions

    def setup(self) -> None:
        site = self.site
        if site.family is Family.NUMERIC and site.scale != 0:
            raise MaskError(
                f"the mask 'integer' takes whole numbers, {site.type_name} may hold others",
                hint='numeric(p, 0), or the masks "null", "constant" or "keep" there',
            )
        low, high = _INT64
        if site.precision is not None:
            low, high = max(low, 1 - 10**site.precision), min(high, 10**site.precision - 1)
        low = low if site.minimum is None else max(low, site.minimum)
        high = high if site.maximum is None else min(high, site.maximum)
        given_low, given_high = self.options.minimum, self.options.maximum
        for given in (given_low, given_high):
            if given is not None and (not isinstance(given, int) or not low <= given <= high):
                raise MaskError(
                    "minimum and maximum are whole numbers the column can hold",
                    hint=f"minimum = {low}, maximum = {high}",
                )
        self._own: _Segment | None = None
        if given_low is not None or given_high is not None:
            self._own = _Segment(
                low if given_low is None else given_low, high if given_high is None else given_high
            )
            if self._own.size < 1:
                raise MaskError(
                    "minimum is greater than maximum", hint=f"minimum = {given_high}, maximum = {given_low}"
                )
        self._segments = _segments(low, high, self._own)
        self._permutations = [
            Permutation(self.keys, self.domain, f"integer {s.low}", s.size) for s in self._segments
        ]
        # Segments lie side by side over all of low … high: a value's segment is found by its lower bound.
        self._lows = np.array([s.low for s in self._segments], np.int64)
        self._bounds = (low, high)

    def contract(self) -> Contract:
        few = self._own is not None and self._own.size < FEW
        tight = max(s.size for s in self._segments) < FEW
        warning = f"fewer than {FEW:,} values: a permutation hides nothing from who can count them"
        return Contract(
            Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            keeps_format=True,
            warnings=(warning,) if few or tight else (),
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        try:
            numbers = pc.cast(values, pa.int64())
        except pa.ArrowInvalid:
            raise MaskError(
                "a value is no whole number of 64 bits", hint="choose another mask for this column"
            ) from None
        masked = self.permuted(numbers.fill_null(0).to_numpy())
        return pc.cast(
            pa.array(masked, mask=pc.is_null(values).to_numpy(zero_copy_only=False)), pa.large_string()
        )

    def permuted(self, numbers: I64) -> I64:
        """The image of each number."""
        low, high = self._bounds
        if len(numbers) and (numbers.min() < low or numbers.max() > high):
            raise MaskError(
                "a value lies outside the range of its column's type", hint='the mask "null", or "keep"'
            )
        out = np.empty_like(numbers)
        place = np.searchsorted(self._lows, numbers, side="right") - 1
        for i in np.unique(place).tolist():
            rows = np.flatnonzero(place == i)
            base = np.uint64(self._segments[i].low % 2**64)
            # Unsigned differences: a segment may be wider than int64 is positive.
            image = self._permutations[i](numbers[rows].astype(np.uint64) - base)
            out[rows] = (image + base).astype(np.int64)
        return out


def _segments(low: int, high: int, own: _Segment | None) -> list[_Segment]:
    """Cut low … high into segments, in ascending order; each is permuted within itself."""
    starts = [0, 1, _SMALLEST]
    while starts[-1] * 10 <= high or starts[-1] * 10 <= -low:
        starts.append(starts[-1] * 10)
    cuts = {low, *starts, *(1 - start for start in starts[1:])}
    if own is not None:
        cuts = {cut for cut in cuts if not own.low <= cut <= own.high} | {own.low, own.high + 1}
    inside = sorted(cut for cut in cuts if low <= cut <= high)
    return [_Segment(a, b - 1) for a, b in zip(inside, [*inside[1:], high + 1], strict=True)]

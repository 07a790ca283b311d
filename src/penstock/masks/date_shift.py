"""`date_shift`: every date moved by the same number of days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.arrays import I64, octets_of
from penstock.masks.parts.calendar import civil, day_number

# What PostgreSQL prints: year of four digits or more, perhaps a time, a zone, BC. In JSON and text also T and Z.
_DATE = r"^[0-9]{4,7}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:.]+(?:Z|[+-][0-9:]+)?)?(?: BC)?$"
_MAX_DAYS = 180
# Where ranges of days begin; the last one ends with the type. The first day of year 1 and the last of year 9999 are
# ranges of their own: they mean "ever since" and "for ever", and stay.
_BOUNDS = ((-4713, 11, 24), (1, 1, 1), (1, 1, 2), (9999, 12, 31), (10_000, 1, 1))


@dataclass(frozen=True, slots=True)
class DateShiftOptions:
    """`identity`: a column of the row; all dates of one identity move together. `max_days`: the farthest move."""

    identity: str = ""
    max_days: int = _MAX_DAYS


class DateShift(Mask):
    """A keyed shift of 1 to `max_days` days, forwards or backwards; the time of day stays, and so do infinities.

    With `identity` the shift follows from that column's value (rows where it is NULL share the domain's shift), so the
    intervals within one person's history stay and those between persons do not; without it one shift moves the whole
    domain. Dates never leave their range (before Christ, years 1 to 9999, later): what would fall out at one end comes
    in at the other, so that without `identity` no two dates become one. 0001-01-01 and 9999-12-31, which stand for no
    date at all, stay. Text that is no date is masked as text.
    """

    name = "date_shift"
    summary = "every date moved by a keyed number of days, one per identity (options identity, max_days)"
    example = ("1984-02-29", "a day some weeks or months away")
    families = frozenset({Family.DATE, Family.TIMESTAMP, Family.TEXT})
    default_domain = "date"
    Options = DateShiftOptions

    def setup(self) -> None:
        if not isinstance(self.options.max_days, int) or not 1 <= self.options.max_days <= 36_525:
            raise MaskError("max_days is a number of days from 1 to 36525", hint=f"max_days = {_MAX_DAYS}")
        self._prf = self.keys.prf(self.domain, "date shift")
        self._one = int(self._shifts(pa.array([""], pa.large_string()))[0])
        self._identity = (Input(self.options.identity),) if self.options.identity else ()
        self.context_free = not self._identity
        self._text: Mask | None = None
        if self.site.family is Family.TEXT:
            self._text = build("text", Site(Family.TEXT, max_length=self.site.max_length), self.keys)
        latest = 294_276 if self.site.family is Family.TIMESTAMP else 5_874_897
        bounds = np.array([*_BOUNDS, (latest + 1, 1, 1)], np.int64)
        self._ranges = day_number(bounds[:, 0], bounds[:, 1], bounds[:, 2])

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LOSSY
            if self._identity
            else Uniqueness.LIKELY
            if self._text is not None
            else Uniqueness.INJECTIVE,
            Codomain.PERMUTATION,
            max_length=self.site.max_length,
            keeps_format=True,
            collision_bits=0
            if self._identity
            else self._text.contract().collision_bits
            if self._text
            else 128,
        )

    def inputs(self) -> tuple[Input, ...]:
        return self._identity

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        is_date = pc.fill_null(pc.match_substring_regex(values, _DATE), fill_value=False)
        rows = np.flatnonzero(is_date.to_numpy(zero_copy_only=False))
        shifts = np.full(len(values), self._one, np.int64)
        if self._identity:
            given = (inputs or {}).get(self._identity[0])
            if given is None:
                raise MaskError(
                    "the mask 'date_shift' got no identity to follow",
                    hint=f"give it the values of {self._identity[0].column} in `inputs`",
                )
            known = pc.is_valid(given).to_numpy(zero_copy_only=False)
            shifts = np.where(known, self._shifts(given), shifts)
        others = self._text.mask(values) if self._text is not None else values
        if len(rows) == 0:
            return others
        moved = self._moved(values.take(pa.array(rows)), shifts[rows])
        return pc.replace_with_mask(others, is_date, moved)

    def _shifts(self, identities: pa.Array) -> I64:
        """Days to move for each identity: never 0."""
        bits = self._prf.digest(identities)[:, 0]
        days = (bits >> np.uint64(1)) % np.uint64(self.options.max_days) + np.uint64(1)
        return np.where(bits & np.uint64(1), 1, -1) * days.astype(np.int64)

    def _moved(self, dates: pa.Array, shifts: I64) -> pa.Array:
        offsets, data = octets_of(dates)
        year_digits = pc.find_substring(dates, "-").to_numpy().astype(np.int64)
        before_christ = pc.ends_with(dates, " BC").to_numpy(zero_copy_only=False)
        starts = offsets[:-1]
        year = np.zeros(len(dates), np.int64)
        for i in range(int(year_digits.max())):
            digit = data[np.minimum(starts + i, len(data) - 1)] - ord("0")
            year = np.where(i < year_digits, year * 10 + digit, year)
        behind = starts + year_digits
        month = _two_digits(data, behind + 1)
        day = _two_digits(data, behind + 4)
        number = day_number(np.where(before_christ, 1 - year, year), month, day)
        number = self._shifted(number, shifts)
        year, month, day = civil(number)
        before = year < 1
        shown = pa.array(np.where(before, 1 - year, year)).cast(pa.large_string())
        rest = _between(data, behind + 6, offsets[1:] - 3 * before_christ)
        if self.site.family is Family.TIMESTAMP:  # `canonical` took midnight away
            midnight = " 00:00:00+00" if "with time zone" in self.site.type_name else " 00:00:00"
            rest = pc.if_else(pc.equal(pc.binary_length(rest), 0), pa.scalar(midnight, rest.type), rest)
        tail = pc.if_else(pa.array(before), pa.scalar(" BC", rest.type), pa.scalar("", rest.type))
        parts = [pc.utf8_lpad(shown, 4, "0"), _padded(month), _padded(day)]
        dash, nothing = pa.scalar("-", pa.large_string()), pa.scalar("", pa.large_string())
        return pc.binary_join_element_wise(pc.binary_join_element_wise(*parts, dash), rest, tail, nothing)

    def _shifted(self, number: I64, shifts: I64) -> I64:
        """Within its own range, around its ends."""
        which = np.clip(np.searchsorted(self._ranges, number, side="right") - 1, 0, len(self._ranges) - 2)
        low, size = self._ranges[which], np.diff(self._ranges)[which]
        return low + (number - low + shifts) % size


def _two_digits(data: np.ndarray[tuple[int], np.dtype[np.uint8]], at: I64) -> I64:
    return (data[at].astype(np.int64) - ord("0")) * 10 + data[at + 1] - ord("0")


_TWO = pa.array([f"{i:02d}" for i in range(100)], pa.large_string())


def _padded(numbers: I64) -> pa.Array:
    return _TWO.take(pa.array(numbers))


def _between(data: np.ndarray[tuple[int], np.dtype[np.uint8]], starts: I64, ends: I64) -> pa.Array:
    """The bytes from starts to ends, one string each."""
    lengths = ends - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[gather])]
    return pa.Array.from_buffers(pa.large_string(), len(starts), buffers)

"""date_shift: dates move, intervals stay."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Input, Uniqueness
from penstock.masks.parts.calendar import civil, day_number
from tests.masks.sites import SITES
from tests.masks.standing import KEY, masked

# Far from the ends of the range, around which dates are led.
usual = st.dates(date(1900, 1, 1), date(2100, 1, 1))


def shifted(values, place="date", **options):
    return build({"mask": "date_shift", **options}, SITES[place], KEY).mask(pa.array(values)).to_pylist()


@given(st.lists(usual, min_size=2))
def test_intervals_stay(days):
    outs = [date.fromisoformat(out) for out in shifted([d.isoformat() for d in days])]
    assert {out - day for out, day in zip(outs, days, strict=True)} == {outs[0] - days[0]}
    assert 1 <= abs((outs[0] - days[0]).days) <= 180


@given(usual, st.times(), st.sampled_from(["", "+00"]))
def test_the_time_of_day_stays_to_the_microsecond(day, time, zone):
    [out] = shifted([f"{day} {time}{zone}"], "timestamp")
    moved, rest = out.split(" ")
    assert rest == f"{time}{zone}" or time == time.min
    assert [moved] == shifted([day.isoformat()])


def test_a_date_and_the_timestamp_of_its_midnight_move_alike():
    [day], [moment] = shifted(["2001-02-03"]), shifted(["2001-02-03 00:00:00"], "timestamp")
    assert moment == f"{day} 00:00:00"


def test_all_dates_of_one_identity_move_together():
    mask = build({"mask": "date_shift", "identity": "customer_id"}, SITES["date"], KEY)
    assert mask.inputs() == (Input("customer_id"),)
    assert mask.contract().uniqueness is Uniqueness.LOSSY
    assert not mask.context_free  # a key column must not have it
    who = pa.array([str(i % 50) for i in range(100)])
    days = pa.array(["2001-02-03"] * 50 + ["2001-03-05"] * 50)
    outs = [date.fromisoformat(v) for v in mask.mask(days, {Input("customer_id"): who}).to_pylist()]
    assert all(b - a == timedelta(days=30) for a, b in zip(outs[:50], outs[50:], strict=True))
    assert len(set(outs[:50])) > 30


def test_a_row_without_identity_moves_with_its_domain():
    mask = build({"mask": "date_shift", "identity": "customer_id"}, SITES["date"], KEY)
    out = mask.mask(
        pa.array(["2001-02-03"]), {Input("customer_id"): pa.array([None], pa.string())}
    ).to_pylist()
    assert out == shifted(["2001-02-03"])


def test_infinities_and_stand_ins_for_no_date_stay():
    values = ["infinity", "-infinity", "9999-12-31", "0001-01-01", None]
    assert shifted(values) == values


def test_years_of_every_range_are_permuted_among_themselves():
    days = np.arange(
        day_number(*np.array([[9999], [1], [1]])).item(), day_number(*np.array([[10_000], [1], [1]])).item()
    )
    values = [
        f"{y:04d}-{m:02d}-{d:02d}" for y, m, d in zip(*(part.tolist() for part in civil(days)), strict=True)
    ]
    outs = shifted(values)
    assert len(set(outs)) == len(values)
    assert all(len(out) == 10 for out in outs)


@given(st.dates())
def test_the_calendar_is_the_gregorian_one(day):
    number = day_number(*np.array([[day.year], [day.month], [day.day]]))
    assert number.item() == (day - date(1970, 1, 1)).days
    assert [part.item() for part in civil(number)] == [day.year, day.month, day.day]


def test_before_christ_the_year_0_is_1_bc():
    assert day_number(*np.array([[1], [1], [1]])) - day_number(*np.array([[0], [12], [31]])) == 1


def test_dates_in_text_move_and_other_text_is_masked_as_text():
    out = masked("date_shift", ["2001-02-03T04:05:06Z", "born 2001-02-03"])
    assert out[0].endswith("T04:05:06Z")
    assert not out[0].startswith("2001-02-03")
    assert out[1:] == masked("text", ["born 2001-02-03"])


def test_no_farther_than_asked():
    outs = shifted(["2001-02-03"], max_days=1)
    assert outs[0] in ("2001-02-02", "2001-02-04")


@pytest.mark.parametrize("days", [0, -1, 10**6, "many"])
def test_a_senseless_limit_is_refused(days):
    with pytest.raises(MaskError):
        shifted(["2001-02-03"], max_days=days)

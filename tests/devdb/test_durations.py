"""Spans of time, as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.devdb.durations import in_words, is_due, parse_duration, parse_schedule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)), ("10m", timedelta(minutes=10)), ("12 h", timedelta(hours=12)),
        ("14d", timedelta(days=14)), ("2w", timedelta(days=14)), ("0s", timedelta()),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "14", "d", "-1d", "1.5h", "14 days", "1y", "١d", "9999999d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 2 weeks", timedelta(weeks=2)), ("every week", timedelta(weeks=1)), ("Every 1 day", timedelta(days=1)),
        ("every 12 hours", timedelta(hours=12)),
    ],
)  # fmt: skip
def test_a_schedule_reads_like_a_sentence(text: str, expected: timedelta) -> None:
    assert parse_schedule(text) == expected


@pytest.mark.parametrize("text", ["", "2 weeks", "every 0 days", "every month", "every other day", "weekly"])
def test_anything_else_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        parse_schedule(text)


@given(days=st.integers(1, 400), minutes_late=st.integers(0, 30), turns=st.integers(1, 20))
def test_asked_every_night_it_comes_on_the_same_night_of_every_turn(
    days: int, minutes_late: int, turns: int
) -> None:
    made = timedelta(minutes=minutes_late)  # after the first night's hour
    for turn in range(1, turns + 1):
        asked = timedelta(days=days * turn)
        assert is_due(asked - made, f"every {days} days")
        assert not is_due(asked - timedelta(days=1) - made, f"every {days} days") or days == 0
        made = asked + timedelta(minutes=minutes_late)


@pytest.mark.parametrize(
    ("hours", "schedule", "at", "due"),
    [
        (22.5, "every day", 3, True), (23, "every day", 3, True), (13 * 24 + 22, "every 2 weeks", 3, True),
        (15.2, "every day", 3, True), (12 * 24 + 23, "every 2 weeks", 3, False), (4, "every day", 3, False),
        (22.5, "every day", 23, False), (10, "every 12 hours", 3, False), (0.96, "every hour", 3, True),
    ],
)  # fmt: skip
def test_what_a_long_night_made_late_is_due_the_next_night_and_nothing_twice_a_day(
    hours: float, schedule: str, at: int, *, due: bool
) -> None:
    now = datetime(2026, 3, 29, at, 17).astimezone()  # the day that has an hour less in much of Europe
    assert is_due(timedelta(hours=hours), schedule, now) is due


def test_words_are_the_largest_unit_that_fits() -> None:
    spans = [
        timedelta(seconds=3),
        timedelta(minutes=59),
        timedelta(hours=23),
        timedelta(days=40),
        timedelta(seconds=-5),
    ]
    assert [in_words(span) for span in spans] == ["3 s", "59 min", "23 h", "40 d", "0 s"]

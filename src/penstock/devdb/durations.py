"""Spans of time as people write them: `14d`, `every 2 weeks`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_SCHEDULE = re.compile(r"every\s+(?:([0-9]{1,4})\s+)?(hour|day|week)s?", re.IGNORECASE)
_MOST_SLACK = timedelta(hours=1)
_DAY = timedelta(days=1)


def parse_duration(text: str) -> timedelta:
    """`30s`, `10m`, `12h`, `14d`, `2w`. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no span of time: a number and one of s, m, h, d, w, such as 14d")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def parse_schedule(text: str) -> timedelta:
    """`every day`, `every 2 weeks`, `every 12 hours`. Raises ValueError."""
    found = _SCHEDULE.fullmatch(text.strip())
    if found is None or found[1] == "0":
        raise ValueError(f"{text!r} is no schedule: every N hours, days or weeks, such as 'every 2 weeks'")
    return timedelta(seconds=int(found[1] or 1) * _SECONDS[found[2][0].lower()])


def is_due(age: timedelta, schedule: str, now: datetime | None = None) -> bool:
    """Whether what is so old is to be made anew. Somewhat early counts: who is asked every night at three, and made
    it at five past three, would otherwise be a day later every time.

    Days and weeks are days of the calendar of this machine: made on Monday, "every day" is due on Tuesday, however long the runs
    before it took that night and whatever the clocks were put to; but not what was made within the last half day.
    """
    interval = parse_schedule(schedule)
    if age >= interval - min(interval / 20, _MOST_SLACK):
        return True
    if interval % _DAY:
        return False
    now = (now or datetime.now(UTC)).astimezone()
    passed = now.date() - (now - age).astimezone().date()
    return passed >= interval and age >= interval - _DAY / 2


def in_words(span: timedelta) -> str:
    """The largest unit that fits: `3 d`, `5 h`, `12 min`, `40 s`."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"

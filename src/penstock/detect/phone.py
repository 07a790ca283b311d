"""Numbers that may be telephone numbers: 7 to 15 digits (ITU-T E.164) in the layouts people write.

There is no checksum, so this is a net, not a test: it also catches account and order numbers of that length. Dates,
times and Internet addresses are let through, also where a number stands beside them.
"""

from __future__ import annotations

import re

import pyarrow as pa

from penstock.detect.ip import V4
from penstock.detect.spans import Spans, Texts, located, regex_spans, standing_alone, whole

_BETWEEN = r"(?:[ \t.()/-]{1,3})?"
PATTERN = rf"\+?\(?[0-9](?:{_BETWEEN}[0-9]){{6,}}"
_DATE = re.compile(r"(?:\d{4}[-/.][01]\d[-/.][0-3]\d|[0-3]?\d([-/.])[0-3]?\d\1\d{4})(?!\d)")
_GROUP = re.compile(r"[^ \t]+")
_LEAST, _MOST = 7, 15
_ADDRESS = re.compile(rf"(?<![\d.]){V4}(?!\.?\d)")


def find(values: pa.Array) -> Spans:
    """The phone-like numbers in each text."""
    texts = Texts.of(values)
    spans = located(texts, regex_spans(texts, PATTERN), _phone)
    return spans.where(standing_alone(texts, spans))


def _phone(candidate: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start = 0
    for address in _ADDRESS.finditer(candidate):
        before = candidate[start : address.start()]
        if before.startswith("+") and _digits(before) < _LEAST:
            continue  # "+33 1.23.45.67": the groups of one number
        found += [(start + a, start + b) for a, b in _numbers(before.rstrip(" \t.()/-"))]
        start = address.end()
    return found + [(start + a, start + b) for a, b in _numbers(candidate[start:])]


def _numbers(candidate: str) -> list[tuple[int, int]]:
    start = len(candidate) - len(candidate.lstrip(" \t.)/-"))
    while dated := _DATE.match(candidate, start):
        start = dated.end()
        while start < len(candidate) and not candidate[start].isdigit():
            start += 1
    if start and candidate[start - 1] == "(":
        start -= 1
    if _digits(candidate[start:]) <= _MOST:
        return [(start, len(candidate))] if _digits(candidate[start:]) >= _LEAST else []
    return _several(candidate, start)


def _several(candidate: str, start: int) -> list[tuple[int, int]]:
    """Numbers one after the other: groups between blanks, put together while they may be one number."""
    found: list[tuple[int, int]] = []
    for group in _GROUP.finditer(candidate, start):
        begun = found[-1][0] if found else 0
        unfinished = bool(found) and _digits(candidate[begun : found[-1][1]]) < _LEAST
        if unfinished and _digits(candidate[begun : group.end()]) <= _MOST:
            found[-1] = (begun, group.end())
            continue
        found.append(group.span())
    return [(a, b) for a, b in found if _LEAST <= _digits(candidate[a:b]) <= _MOST]


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def matches(values: pa.Array) -> pa.Array:
    """Which values are one phone-like number."""
    return whole(values, find(values))

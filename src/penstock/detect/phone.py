"""Numbers that may be telephone numbers: 7 to 15 digits (ITU-T E.164) in the layouts people write.

There is no checksum, so this is a net, not a test: it also catches account and order numbers of that length. Dates,
times and Internet addresses are let through.
"""

from __future__ import annotations

import re

import pyarrow as pa

from penstock.detect.spans import Spans, Texts, located, regex_spans, standing_alone, whole

_BETWEEN = r"(?:[ \t.()/-]{1,3})?"
PATTERN = rf"\+?\(?[0-9](?:{_BETWEEN}[0-9]){{6,18}}"
_DATE = re.compile(r"(?:\d{4}[-/.][01]\d[-/.][0-3]\d|[0-3]?\d([-/.])[0-3]?\d\1\d{4})(?!\d)")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


def find(values: pa.Array) -> Spans:
    """The phone-like numbers in each text."""
    texts = Texts.of(values)
    spans = located(texts, regex_spans(texts, PATTERN), _phone)
    return spans.where(standing_alone(texts, spans))


def _phone(candidate: str) -> list[tuple[int, int]]:
    start = 0
    while dated := _DATE.match(candidate, start):
        start = dated.end()
        while start < len(candidate) and not candidate[start].isdigit():
            start += 1
    digits = sum(c.isdigit() for c in candidate[start:])
    if not 7 <= digits <= 15 or _DOTTED.fullmatch(candidate, start):
        return []
    if start and candidate[start - 1] == "(":
        start -= 1
    return [(start, len(candidate))]


def matches(values: pa.Array) -> pa.Array:
    """Which values are one phone-like number."""
    return whole(values, find(values))

"""Payment card numbers: 12 to 19 digits in groups, with a right check digit (ISO/IEC 7812-1, Luhn)."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from penstock.detect.spans import I64, Spans, Texts, located, regex_spans, standing_alone, whole

PATTERN = r"[0-9](?:[ -]?[0-9]){11,}"
_GROUP = re.compile(r"[0-9]+")


def luhn_sums(digits: Texts) -> I64:
    """The weighted digit sum of each text of ASCII digits, modulo 10. 0: the last digit checks the others."""
    values = digits.data.astype(np.int64) - 48
    ends = np.repeat(digits.offsets[1:], np.diff(digits.offsets))
    doubled = (ends - np.arange(len(values))) % 2 == 0
    weighted = np.where(doubled, 2 * values - 9 * (values > 4), values)
    sums = np.concatenate([[0], np.cumsum(weighted)])
    totals: I64 = (sums[digits.offsets[1:]] - sums[digits.offsets[:-1]]) % 10
    return totals


def find(values: pa.Array) -> Spans:
    """The card numbers in each text."""
    texts = Texts.of(values)
    spans = located(texts, regex_spans(texts, PATTERN), _cards)
    return spans.where(standing_alone(texts, spans))


def _cards(candidate: str) -> list[tuple[int, int]]:
    """The longest valid runs of whole groups: other numbers may stand right beside a card number."""
    groups = [match.span() for match in _GROUP.finditer(candidate)]
    found: list[tuple[int, int]] = []
    i = 0
    while i < len(groups):
        for j in range(min(len(groups), i + 19), i, -1):
            start, end = groups[i][0], groups[j - 1][1]
            if _is_card("".join(c for c in candidate[start:end] if c.isdigit())):
                found.append((start, end))
                i = j - 1
                break
        i += 1
    return found


def _is_card(digits: str) -> bool:
    # No issuer begins with 0, and a row of one digit is a placeholder that happens to check.
    return (
        12 <= len(digits) <= 19
        and digits[0] != "0"
        and len(set(digits)) > 1
        and sum(int(d) if k % 2 == 0 else 2 * int(d) - 9 * (d > "4") for k, d in enumerate(reversed(digits)))
        % 10
        == 0
    )


def matches(values: pa.Array) -> pa.Array:
    """Which values are one card number."""
    return whole(values, find(values))

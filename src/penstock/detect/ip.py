"""Internet addresses: IPv4 in four decimal octets, IPv6 in any of its spellings (RFC 4291)."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa

from penstock.detect.spans import Spans, Texts, located, regex_spans, standing_alone, united, whole

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
V6 = r"(?i:[0-9a-f]{0,4}:[0-9a-f:]*:[0-9a-f:]*(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?)"


def find(values: pa.Array) -> Spans:
    """The IPv4 and IPv6 addresses in each text."""
    texts = Texts.of(values)
    return united([find_v4(values), find_v6(values)])[0] if len(texts) else Spans.none()


def find_v4(values: pa.Array) -> Spans:
    """The IPv4 addresses; five numbers with dots are not one."""
    texts = Texts.of(values)
    spans = regex_spans(texts, V4, having=".")
    spans = spans.where(standing_alone(texts, spans))
    if len(spans) == 0:
        return spans
    rows = texts.rows(spans.starts)
    data = np.concatenate([texts.data, np.zeros(2, np.uint8)])
    digit = (data >= 48) & (data <= 57)
    room_after = spans.ends + 1 < texts.offsets[rows + 1]
    goes_on = room_after & (data[spans.ends] == 46) & digit[np.minimum(spans.ends + 1, len(data) - 1)]
    room_before = spans.starts - 2 >= texts.offsets[rows]
    began = room_before & (data[spans.starts - 1] == 46) & digit[spans.starts - 2]
    return spans.where(~(goes_on | began))


def find_v6(values: pa.Array) -> Spans:
    """The IPv6 addresses, with an IPv4 tail where they have one."""
    texts = Texts.of(values)
    spans = located(texts, regex_spans(texts, V6, having=":"), _v6)
    return spans.where(standing_alone(texts, spans))


def _v6(candidate: str) -> list[tuple[int, int]]:
    # A colon that ends a sentence's clause is no part of the address: "fe80::1:" and "from ::1:".
    for end in (len(candidate), len(candidate) - 1):
        text = candidate[:end]
        if any(c != ":" for c in text):
            try:
                ipaddress.IPv6Address(text)
            except ValueError:
                continue
            return [(0, end)]
    return []


def matches(values: pa.Array) -> pa.Array:
    """Which values are one address."""
    return whole(values, find(values))

"""Hardware addresses: EUI-48 and EUI-64 with colons or hyphens, and the dotted form of Cisco."""

from __future__ import annotations

import pyarrow as pa

from penstock.detect.spans import Spans, Texts, regex_spans, standing_alone, whole

PATTERN = (
    r"(?i:(?:[0-9a-f]{2}:){5}(?:[0-9a-f]{2}:[0-9a-f]{2}:)?[0-9a-f]{2}"
    r"|(?:[0-9a-f]{2}-){5}(?:[0-9a-f]{2}-[0-9a-f]{2}-)?[0-9a-f]{2}"
    r"|(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4})"
)


def find(values: pa.Array) -> Spans:
    """The hardware addresses in each text."""
    texts = Texts.of(values)
    spans = regex_spans(texts, PATTERN)
    return spans.where(standing_alone(texts, spans))


def matches(values: pa.Array) -> pa.Array:
    """Which values are one hardware address."""
    return whole(values, find(values))

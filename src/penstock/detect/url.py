"""Web and storage addresses in text: a scheme with `://`, or `www.`."""

from __future__ import annotations

import pyarrow as pa

from penstock.detect.spans import Spans, Texts, regex_spans, whole

# A URL ends before a blank, a quote or an angle bracket; closing punctuation at its end is the sentence's.
_REST = r"""[^\s\p{Z}<>"]*[^\s\p{Z}<>"'.,;:!?)\]}]"""
PATTERN = rf"(?i:\b(?:[a-z][a-z0-9+.-]{{1,20}}://|www\.){_REST})"


def find(values: pa.Array) -> Spans:
    """The URLs in each text."""
    return regex_spans(Texts.of(values), PATTERN)


def matches(values: pa.Array) -> pa.Array:
    """Which values are one URL."""
    return whole(values, find(values))

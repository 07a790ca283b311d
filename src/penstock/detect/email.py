"""E-mail addresses in text: what people write (RFC 5322 dot-atoms, international letters), not all the RFC allows.

Characters that join an address to what stands before it (`to=ana@x.example`, `?cc=`, `|`) are no part of it, though the
RFC lets them be: an address must be the same string here as in its own column, or it gets another pseudonym.
"""

from __future__ import annotations

import pyarrow as pa

from penstock.detect.spans import Spans, Texts, regex_spans, whole

_ATOM = r"[\p{L}\p{M}\p{N}_%+~-]+"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}])?"
PATTERN = rf"{_ATOM}(?:['.]{_ATOM})*@(?:{_LABEL}\.)+(?:(?i:xn--[a-z0-9-]+)|\p{{L}}[\p{{L}}\p{{M}}]+)"


def find(values: pa.Array) -> Spans:
    """The e-mail addresses in each text."""
    return regex_spans(Texts.of(values), PATTERN, having="@")


def matches(values: pa.Array) -> pa.Array:
    """Which values are one e-mail address."""
    return whole(values, find(values))

"""Pseudonyms of JSON numbers: other digits, and still a number of the same form."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.masks.keys import Prf
from penstock.masks.parts.arrays import octets_of

_ZERO = ord("0")
_PER_BLOCK = 16  # keyed digits that one digest of 16 bytes gives


def masked_numbers(prf: Prf, literals: pa.Array) -> pa.Array:
    """Every digit replaced by a keyed one; sign, point, exponent and number of digits stay, and so does zero.

    The first digit of a number of several digits never becomes zero: JSON forbids it, and the magnitude stays.
    """
    offsets, data = octets_of(literals)
    out = data.copy()
    is_digit = (data >= _ZERO) & (data <= _ZERO + 9)
    exponent = np.isin(data, np.frombuffer(b"eE", np.uint8))
    # Behind an exponent sign nothing changes: one digit there is many orders of magnitude.
    seen = np.concatenate([[0], np.cumsum(exponent)])
    behind = seen[1:] - np.repeat(seen[offsets[:-1]], np.diff(offsets))
    places = np.flatnonzero(is_digit & (behind == 0))
    rows = np.searchsorted(offsets, places, side="right") - 1
    first_of_row = np.searchsorted(rows, np.arange(len(offsets) - 1))
    within = np.arange(len(places)) - first_of_row[rows]
    leads = within == 0
    zero_lead = leads & (data[places] == _ZERO)  # 0.5, and 0 itself
    digest = prf.digest(literals)
    blocks = [digest, *prf.expand(digest, int(within.max(initial=0)) // _PER_BLOCK)]
    octets = np.stack([b.view(np.uint8).reshape(-1, _PER_BLOCK) for b in blocks], axis=1)
    stream = octets[rows, within // _PER_BLOCK, within % _PER_BLOCK]
    digits = np.where(leads, 1 + stream % 9, stream % 10)
    out[places] = np.where(zero_lead, data[places], digits + _ZERO)
    masked = pa.Array.from_buffers(
        pa.large_string(), len(literals), [None, pa.py_buffer(offsets), pa.py_buffer(out)]
    )
    is_zero = pc.match_substring_regex(literals, r"^-?0(?:\.0*)?(?:[eE][+-]?[0-9]+)?$")
    return pc.if_else(is_zero, literals, masked)

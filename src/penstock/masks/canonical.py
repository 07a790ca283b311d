"""One spelling for values that compare equal.

A foreign key is satisfied by `1.50` where its parent says `1.5`, by `ANA` where a citext says `ana`, by a date where
the parent holds the timestamp of its midnight. Pseudonyms come from text, so a key class first agrees on one spelling,
at least as coarse as its equality operator: too coarse merges values (which the plan counts), too fine breaks the key.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.masks.parts.arrays import through_distinct


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a column's equality does not see."""

    family: Family
    case_insensitive: bool = False
    padded: bool = False


def canonical(comparison: Comparison, values: pa.Array) -> pa.Array:
    """`values` (large_string) in the one spelling of their equivalence class. NULL stays NULL."""
    match comparison.family:
        case Family.TEXT:
            if comparison.padded:
                values = pc.utf8_rtrim(values, characters=" ")
            return _without_case(values) if comparison.case_insensitive else values
        case Family.INTEGER | Family.NUMERIC:
            return _without_scale(values)
        case Family.TIMESTAMP:
            return pc.replace_substring_regex(values, pattern=_MIDNIGHT, replacement=r"\1\2")
        case Family.NETWORK:  # inet prints a host without its prefix length, cidr prints it
            return pc.replace_substring_regex(values, pattern=_HOST, replacement=r"\1\2")
        case _:
            return values


_MIDNIGHT = r"^([0-9]+-[0-9]+-[0-9]+) 00:00:00(?:\+00)?( BC)?$"
_HOST = r"^([0-9.]+)/32$|^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*)/128$"


def _without_case(values: pa.Array) -> pa.Array:
    """Lower case and one Unicode form: citext ignores case, a nondeterministic collation at least the form too."""
    lower = pc.utf8_lower(values)
    return (
        lower
        if pc.all(pc.string_is_ascii(values)).as_py() in (True, None)
        else through_distinct(lower, _folded)
    )


def _folded(values: pa.Array) -> pa.Array:
    return pa.array(
        [
            None if v is None else unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", v).casefold())
            for v in values.to_pylist()
        ],
        pa.large_string(),
    )


def _without_scale(values: pa.Array) -> pa.Array:
    """Numbers without zeros at the end of their fraction, and no minus before zero."""
    data = values.buffers()[2]
    if data is None or not np.isin(np.frombuffer(data, np.uint8), (46, 45)).any():
        return values  # neither a point nor a minus: the usual whole numbers
    values = pc.replace_substring_regex(values, pattern=r"^(-?[0-9]+)\.0*$", replacement=r"\1")
    values = pc.replace_substring_regex(values, pattern=r"^(-?[0-9]+\.[0-9]*[1-9])0+$", replacement=r"\1")
    return pc.if_else(pc.equal(values, "-0"), pa.scalar("0", values.type), values)

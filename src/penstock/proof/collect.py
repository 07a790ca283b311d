"""Read the values of the source's masked columns, one pass per table, and keep only their keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penstock.engines.postgres.session import Session
from penstock.proof.cells import cut, fold, unescape_copy, whole_rows
from penstock.proof.hashing import I64, U8, U64, padded
from penstock.proof.leaves import leaves
from penstock.proof.needles import NeedleCollector, Tally
from penstock.proof.paths import ToChange
from penstock.proof.relations import Relation, Shape
from penstock.proof.report import Progress

_BACKSLASH = ord("\\")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column to read."""

    origin: int  # its number
    accepted: U64  # hashes of values that may stay
    parts: ToChange | None = None  # what of its values to take, where that is not all


def collect(
    source: Session,
    relation: Relation,
    wanted: dict[str, Wanted],
    collector: NeedleCollector,
    say: Progress,
) -> dict[str, Tally]:
    """Add the values of the `wanted` columns of one table."""
    columns = tuple(column for column in relation.columns if column.name in wanted)
    tallies = {column.name: Tally() for column in columns}
    accepted: dict[str, set[int]] = {column.name: set() for column in columns}
    query = relation.copy_query(tuple(c.name for c in columns))
    doing = f"reading the masked columns of {relation.name}"
    for block in whole_rows(source.copy_out(query, doing=doing)):
        text, buffer, starts, ends = cut(block, len(columns))
        for at, column in enumerate(columns):
            of_column = wanted[column.name]
            tally = tallies[column.name]
            first, last = starts[at :: len(columns)], ends[at :: len(columns)]
            tally.rows += len(first)
            for values in decoded(text, buffer, first, last, column.shape, of_column.parts):
                stayed = collector.add(of_column.origin, *values, of_column.accepted, tally)
                accepted[column.name].update(stayed.tolist())
        say(doing, len(starts) // len(columns), len(block))
    for name, tally in tallies.items():
        tally.accepted = len(accepted[name])
    return tallies


def decoded(
    text: bytes, buffer: U8, starts: I64, ends: I64, shape: Shape, parts: ToChange | None = None
) -> list[tuple[U8, I64, I64]]:
    """The values of one column of a block as byte ranges: in place where nothing is escaped, else decoded.

    With `parts`, only those parts of them.
    """
    null = (ends - starts == 2) & (buffer[starts] == _BACKSLASH)
    starts, ends = starts[~null], ends[~null]
    if shape is Shape.SCALAR and parts is None:
        backslashes = np.flatnonzero(buffer == _BACKSLASH)
        escaped = np.searchsorted(backslashes, ends) > np.searchsorted(backslashes, starts)
        plain = [(buffer, starts[~escaped], ends[~escaped])]
        starts, ends = starts[escaped], ends[escaped]
        if not len(starts):
            return plain
    else:
        plain = []
    pieces: list[bytes] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        value = unescape_copy(text[start:end])
        if parts is not None:
            pieces.extend(fold(part.encode("utf-8", "replace")) for part in parts(value.decode()))
        elif shape is Shape.SCALAR:
            pieces.append(value)
        elif shape is Shape.BINARY:
            pieces.append(_octets(value))
        else:
            pieces.extend(fold(leaf.encode("utf-8", "replace")) for leaf in leaves(value.decode(), shape))
    lengths = np.array([len(p) for p in pieces], dtype=np.int64)
    last = np.cumsum(lengths)
    return [*plain, (padded(b"".join(pieces)), last - lengths, last)]


def _octets(value: bytes) -> bytes:
    """The folded content of a bytea in its hexadecimal spelling."""
    octets = bytes.fromhex(value[2:].decode())
    try:
        octets.decode()
    except UnicodeDecodeError:
        return octets.lower()
    return fold(octets)

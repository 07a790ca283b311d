"""What masks make of a few real rows: the *shape* of the source value beside the masked value.

Source values are read, masked and forgotten. A masked value that still repeats a word of its source (a kept domain,
free text that keeps what it does not recognise) shows that word as a shape too, so that nothing real reaches a screen or
a log.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from penstock.catalog.model import ColumnName, Table, quote_identifier
from penstock.catalog.types import Family
from penstock.detect.shape import LONGEST, shape
from penstock.engines.postgres.session import Session
from penstock.masks.contract import Codomain, Input
from penstock.policy.classes import logical_tables
from penstock.policy.decision import Decision, Policy
from penstock.pump.readplan import ReadPlan, read_plan

_WORD = re.compile(r"\w{3,}")
_LONGEST = 60
_QUOTED_OR_NULL = re.compile(r'"(?:[^"\\]|\\.)*"|(?<=[{,;])NULL(?=[,;}])')


@dataclass(frozen=True, slots=True)
class Sample:
    """One value: its shape, and what the copy would hold. None is NULL."""

    source_shape: str | None
    masked: str | None
    is_shape: bool  # some words of `masked` are shapes, because they are the source's


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """A column with a few of its values."""

    column: ColumnName
    mask: str
    samples: tuple[Sample, ...]


def preview(
    session: Session, policy: Policy, *, only: Collection[ColumnName] = (), rows: int = 5
) -> Iterator[ColumnPreview]:
    """The masked columns of `policy` (or those of `only`), each with its values in up to `rows` rows.

    Reads the first rows the server gives, in the session's snapshot. Empty tables give no samples.
    """
    for table in logical_tables(policy.catalog):
        decisions = {
            name: decision
            for name, decision in policy.of(table.name).items()
            if decision.mask is not None and not decision.keeps
        }
        if not only or any(ColumnName(table.name, name) in only for name in decisions):
            for found in _table(session, policy, table, decisions, rows):
                if not only or found.column in only:
                    yield found


def _table(
    session: Session, policy: Policy, table: Table, decisions: dict[str, Decision], rows: int
) -> Iterator[ColumnPreview]:
    if not decisions:
        return
    masks = {name: decision.mask for name, decision in decisions.items() if decision.mask is not None}
    plan = read_plan(policy.catalog, table, masks)
    read = _read(session, policy, table, plan, rows)
    offset = len(plan.context)
    inputs: dict[Input, pa.Array] = {
        wish: read[place + offset if place >= 0 else -place - 1]
        for wish, place in (plan.input_fields or {}).items()
    }
    for i, column in enumerate(plan.masked):
        values = read[offset + i]
        masked = column.mask.mask(values, inputs)
        triples = zip(values.to_pylist(), masked.to_pylist(), shape(values).to_pylist(), strict=True)
        partly_real = column.mask.contract().codomain is Codomain.SAME
        sample = _array_sample if table.column(column.name).type.family is Family.ARRAY else _sample
        samples = tuple(sample(value, new, seen, partly_real=partly_real) for value, new, seen in triples)
        yield ColumnPreview(ColumnName(table.name, column.name), column.mask.name, samples)


def _read(session: Session, policy: Policy, table: Table, plan: ReadPlan, rows: int) -> list[pa.Array]:
    """The plan's context and masked columns of a few rows, as text."""
    leaves = policy.catalog.leaves[table.name]
    count = len(plan.context) + len(plan.masked) + len(plan.passed)
    records: list[list[str | None]] = []
    for leaf in leaves:
        if len(records) >= rows:
            break
        names = [f"c{i}" for i in range(count + len(plan.tail))]
        chosen = ", ".join(f"s.{quote_identifier(name)}::pg_catalog.text" for name in names[:count])
        query = (
            f"SELECT {chosen} FROM ({plan.select(leaf)} LIMIT {rows - len(records)}) s({', '.join(names)})"
        )
        records += [list(row.values()) for row in session.fetch(query, doing=f"reading a few rows of {leaf}")]
    return [pa.array([record[i] for record in records], pa.large_string()) for i in range(count)]


def _sample(value: str | None, masked: str | None, seen: str | None, *, partly_real: bool) -> Sample:
    if value is None or masked is None or value == "":
        return Sample(seen, masked, is_shape=False)
    words = {word.lower() for word in _WORD.findall(value)}
    safe = masked
    if partly_real or value == masked:
        safe = _shape_of(masked)
    for word in sorted(words, key=len, reverse=True):
        safe = re.sub(re.escape(word), lambda found: _shape_of(found[0]), safe, flags=re.IGNORECASE)
    shown = safe if len(safe) <= _LONGEST else safe[: _LONGEST - 1] + "…"
    return Sample(seen, shown, is_shape=safe != masked)


def _array_sample(value: str | None, masked: str | None, seen: str | None, *, partly_real: bool) -> Sample:
    """As `_sample`; an element that is NULL is no word of anybody's."""
    if value is None or masked is None or seen is None:
        return _sample(value, masked, seen, partly_real=partly_real)
    for at in _nulls(value):
        value = value[:at] + "    " + value[at + 4 :]
        if at + 4 <= min(len(seen), LONGEST):
            seen = seen[:at] + "NULL" + seen[at + 4 :]
    found = _sample(value, masked, seen, partly_real=partly_real)
    shown = found.masked or ""
    for at in _nulls(masked):
        if at + 4 <= min(len(shown), LONGEST):
            shown = shown[:at] + "NULL" + shown[at + 4 :]
    return replace(found, masked=shown, is_shape=found.is_shape and shown != masked)


def _nulls(array: str) -> list[int]:
    return [found.start() for found in _QUOTED_OR_NULL.finditer(array) if found[0] == "NULL"]


def _shape_of(text: str) -> str:
    return str(shape(pa.array([text], pa.large_string()))[0].as_py())

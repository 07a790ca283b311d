"""Sequences of a copy: each continues where the source's is, or beyond what its column now holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from penstock.catalog.model import Catalog, ColumnName, Sequence, quote_identifier
from penstock.catalog.types import Family
from penstock.engines.postgres.session import Session


def set_sequences(catalog: Catalog, source: Session, target: Session, *, forward_only: bool = False) -> None:
    """Every sequence continues after the source's last value and after the largest value its column now holds
    (a masked key may lie beyond the source's). One that the role may not read continues after its column alone.

    `forward_only`: those that are there already stay, and the others move as part of the transaction. `setval` alone
    is never rolled back; RESTART gives the sequence a new file, which is.
    """
    drawing = _columns_drawing(catalog)
    for sequence in catalog.sequences:
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", sequence.name.sql) is None:
            continue
        reached = _reached(sequence, drawing.get(str(sequence.name), ()), target)
        if reached is not None:
            reached = _within(sequence, reached)
        state = _state(sequence, source)
        if state is None:
            if reached is None:
                continue
            state = reached, True
        last, called = state
        if reached is not None and (
            (sequence.increment > 0) == (reached > last) or (reached == last and not called)
        ):
            last, called = reached, True
        if forward_only:
            there = _state(sequence, target)
            if there is not None and not _is_behind(there, (last, called), sequence.increment):
                continue
            target.execute(f"ALTER SEQUENCE {sequence.name.sql} RESTART")
        target.fetchval(
            "SELECT pg_catalog.setval($1::text::regclass, $2, $3)", sequence.name.sql, last, called
        )


def _within(sequence: Sequence, value: int) -> int | None:
    """As far as the sequence itself can come; None where it has not begun to give out such values."""
    if sequence.increment > 0:
        return None if value < sequence.minimum else min(value, sequence.maximum)
    return None if value > sequence.maximum else max(value, sequence.minimum)


def _is_behind(here: tuple[int, bool], there: tuple[int, bool], increment: int) -> bool:
    return here < there if increment > 0 else (-here[0], here[1]) < (-there[0], there[1])


def _state(sequence: Sequence, session: Session) -> tuple[int, bool] | None:
    """The last value and whether it has been given out; None where the role may not look."""
    if not session.fetchval(
        "SELECT pg_catalog.has_sequence_privilege($1::text, 'SELECT')", sequence.name.sql
    ):
        return None
    state = session.fetch(f"SELECT last_value, is_called FROM {sequence.name.sql}")[0]
    return int(state["last_value"]), bool(state["is_called"])


def _columns_drawing(catalog: Catalog) -> Mapping[str, tuple[ColumnName, ...]]:
    """For every sequence the columns of logical tables that draw from it or own it."""
    owned = {sequence.owned_by: str(sequence.name) for sequence in catalog.sequences}
    found: dict[str, tuple[ColumnName, ...]] = {}
    for table in catalog.leaves:
        for column in catalog.tables[table].columns:
            # A text column may spell a number into a code ('INV-' || nextval): it says nothing of how far the sequence is.
            if column.type.family in (Family.INTEGER, Family.NUMERIC):
                name = ColumnName(table, column.name)
                for sequence in {column.sequence, owned.get(name)}:
                    if sequence is not None:
                        found[sequence] = (*found.get(sequence, ()), name)
    return found


def _reached(sequence: Sequence, drawing: Iterable[ColumnName], target: Session) -> int | None:
    """The value farthest along in the columns that draw from the sequence."""
    extreme, farthest = ("max", max) if sequence.increment > 0 else ("min", min)
    values = [
        target.fetchval(
            f"SELECT {extreme}({quote_identifier(name.column)})::numeric::text FROM {name.table.sql}"
        )
        for name in drawing
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", name.table.sql) is not None
    ]
    return farthest((int(v) for v in values if v is not None and v.lstrip("-").isdigit()), default=None)

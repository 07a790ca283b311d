"""Sequences of a copy: each continues where the source's is, or beyond what its column now holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from penstock.catalog.model import Catalog, ColumnName, Sequence, quote_identifier
from penstock.catalog.types import Family
from penstock.engines.postgres.session import Session
from penstock.policy.decision import Policy


def set_sequences(
    catalog: Catalog,
    source: Session,
    target: Session,
    policy: Policy,
    *,
    forward_only: bool = False,
) -> list[str]:
    """Every sequence continues after the source's last value and after the largest value its column now holds
    (a masked key may lie beyond the source's). One that the role may not read continues after its column alone.

    None is moved to its end, where it would have no next value: one row may hold it as a mark. Then it stays where the
    source's is, where only a masked column could be in its way: after the largest of that which leaves a next value.
    Returns a warning for each.

    `forward_only`: those that are there already stay, and the others move as part of the transaction. `setval` alone
    is never rolled back; RESTART gives the sequence a new file, which is.
    """
    drawing = _columns_drawing(catalog)
    warnings = []
    for sequence in catalog.sequences:
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", sequence.name.sql) is None:
            continue
        columns = drawing.get(str(sequence.name), ())
        state = _state(sequence, source)
        reached = _reached(sequence, columns, target)
        if reached is not None and not _has_next(sequence, reached):
            if state is None or _is_behind(state, (reached, True), sequence.increment):
                warnings.append(
                    f"the sequence {sequence.name} is not moved beyond all of {' and '.join(map(str, columns))}: "
                    "after the largest value there it would have no next one"
                )
            free = [name for name in columns if state is None or _is_masked(policy, name)]
            reached = _reached(sequence, free, target, with_next=True)
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
    return warnings


def _has_next(sequence: Sequence, value: int) -> bool:
    """Whether it could go on from there without beginning anew."""
    return sequence.minimum <= value + sequence.increment <= sequence.maximum


def _is_masked(policy: Policy, name: ColumnName) -> bool:
    decision = policy.decisions.get(name)
    return decision is not None and decision.mask is not None and not decision.keeps


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


def _reached(
    sequence: Sequence, drawing: Iterable[ColumnName], target: Session, *, with_next: bool = False
) -> int | None:
    """The value farthest along in the columns that draw from the sequence, of those that it could give; `with_next`: and
    go on from."""
    low, high = sequence.minimum, sequence.maximum
    if with_next:
        low, high = max(low, low - sequence.increment), min(high, high - sequence.increment)
        if low > high:
            return None
    extreme, whole, farthest = ("max", "floor", max) if sequence.increment > 0 else ("min", "ceil", min)
    values = [
        target.fetchval(
            f"SELECT pg_catalog.{whole}({extreme}({column})::numeric)::text FROM {name.table.sql} "
            f"WHERE {column} BETWEEN '{low}'::bigint AND '{high}'::bigint"
        )
        for name in drawing
        if target.fetchval("SELECT pg_catalog.to_regclass($1)::text", name.table.sql) is not None
        for column in (quote_identifier(name.column),)
    ]
    return farthest((int(v) for v in values if v is not None), default=None)

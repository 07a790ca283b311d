"""The work items of a prune, as `runs.items` has them: plain descriptions, which rows included, of what is done to one
storage table, one index or one foreign key.

Rows are packed when an item is sent, one item at a time, and not at all for a crew in this process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from penstock.catalog.model import Catalog, TableName
from penstock.devdb.closure.packed import Held
from penstock.devdb.heirs import with_heirs
from penstock.devdb.keys import Key, is_broken, validate
from penstock.devdb.labour import Vacuum
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.ways import Way, index_cost, may_move
from penstock.devdb.prune.crew import Station
from penstock.devdb.prune.indexes import Index
from penstock.devdb.prune.tables import Change, CutHere, Ending, Statement, carry_out, end, maintain
from penstock.errors import DatabaseError
from penstock.runs.items import Item, Report


def task_of(way: Way) -> str:
    """What people are told of a table's change; the name of its item."""
    return f"{way.kind} {way.leaf}"


def change_of(
    catalog: Catalog,
    going: Going,
    way: Way,
    nulled: Mapping[TableName, frozenset[str]],
    indexes: Iterable[Index],
    offset_bits: int,
) -> Change:
    rows, rows_stay = going.held(way.table, way.number)
    moves = may_move(catalog, going, nulled, way.leaf)
    return Change(
        leaf=way.leaf,
        number=way.number,
        kind=way.kind,
        go=way.go,
        stay=way.stay,
        rows=rows if way.kind != "empty" else None,
        rows_stay=rows_stay,
        cuts=() if moves else _cuts(going, way),
        columns=tuple(column.name for column in catalog.tables[way.leaf].stored_columns),
        nulled=frozenset() if moves else nulled.get(way.table, frozenset()),
        dropped=tuple(index.name for index in indexes if index.is_plain),
        offset_bits=offset_bits,
    )


def _cuts(going: Going, way: Way) -> tuple[CutHere, ...]:
    return tuple(
        CutHere(cut.columns, Held(cut.rows, way.number))
        for cut in going.cuts
        if cut.table == way.table and cut.rows.leaf_counts.get(way.number)
    )


def moving_items(
    catalog: Catalog,
    going: Going,
    changed: Sequence[Way],
    nulled: Mapping[TableName, frozenset[str]],
    offset_bits: int,
) -> Iterator[Item]:
    """The cuts that `change_of` leaves out, because rows go to other partitions by them. To be run when what else is done
    to these tables is done: a partition that is emptied or written anew would lose what came to it."""
    ending: dict[TableName, list[str]] = {}
    for way in changed:
        if not may_move(catalog, going, nulled, way.leaf):
            continue
        waiting = ending.setdefault(way.table, [])
        if cuts := _cuts(going, way):
            what = change_of(catalog, going, way, {}, (), offset_bits)
            item = Item(
                f"cut {way.leaf}",
                carry_out,
                dataclasses.replace(what, go=0, rows=None, cuts=cuts, through=way.table),
                round(way.cost),
            )
            waiting.append(item.name)
            yield item
    for table, waiting in ending.items():
        if columns := nulled.get(table):
            yield Item(f"cut {table}", end, Ending(table, columns), 0, tuple(waiting))


def index_items(way: Way, indexes: Iterable[Index], after: str) -> Iterator[Item]:
    """Each index made anew when the rows are there. Several of a table at once, but one REINDEX: it locks its index
    against whoever plans a query, as a function in another index may."""
    for index in indexes:
        what = Statement(index.rebuild, f"rebuilding the indexes of {way.leaf}")
        alone = "" if index.is_plain else f"indexes of {way.leaf.sql}"
        yield Item(f"index {index.name}", maintain, what, index_cost(way.stay), (after,), alone)


def compact_items(catalog: Catalog, changed: Iterable[Way], vacuum: Vacuum) -> Iterator[Item]:
    """What was rewritten is compact; what was deleted in place is so after VACUUM FULL only.

    To be run when no transaction that was open while rows were deleted is left: VACUUM keeps what it could still see.
    """
    heirs = with_heirs(catalog)
    for way in changed:
        options = [] if heirs.get(way.leaf) else ["ANALYZE"]  # it would ask the server of a foreign heir
        if way.kind == "delete":
            how = f"VACUUM ({', '.join(['FULL' if vacuum == 'full' else 'FULL off', *options])})"
        elif options:
            how = "ANALYZE"
        else:
            continue
        what = Statement(f"{how} {way.leaf.sql}", f"compacting {way.leaf}")
        yield Item(f"compacting {way.leaf.sql}", maintain, what, round(way.cost))


def validation_items(keys: Sequence[Key]) -> Iterator[Item]:
    """One per foreign key; of one table's, one runs at a time, as the server has it."""
    for key in keys:
        if key.in_two_steps:
            yield Item(f"{key.table} {key.name}", validate_key, key, key.size, alone=key.table)


def validate_key(station: Station, key: Key, _: Report) -> None:
    with explained(key):
        validate(station.session, key)


@contextmanager
def explained(key: Key) -> Iterator[None]:
    """Say what it means when a key does not hold."""
    try:
        yield
    except DatabaseError as error:
        if not is_broken(error):
            raise
        raise DatabaseError(
            f"the foreign key {key.name} of {key.table} does not hold for the rows that stay",
            why="it is marked as validated, but the database itself breaks it",
            hint=f"in that database: {key.drop()}; then add it again NOT VALID",
        ) from None

"""One storage table on its way: rows deleted by address, or those that stay written anew, without its name, oid, views,
policies and grants ever changing.

A rewrite goes through a temporary table and comes back by TRUNCATE and INSERT in one transaction, so that heap and
TOAST are new files. Foreign keys and triggers are off by then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from penstock.catalog.model import Catalog, Table, quote_identifier
from penstock.devdb.clone.load import Vacuum
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.rowset import RowSet
from penstock.devdb.prune.indexes import drop_plain, rebuild
from penstock.devdb.prune.rows import AT_ONCE, THREAD_BYTES, Cut, Going, leaf_ids
from penstock.devdb.prune.stage import STAGED, stage
from penstock.devdb.prune.ways import Way
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError

_STAYING = "pg_temp.penstock_staying"


def carry_out(
    session: Session,
    catalog: Catalog,
    addresses: Addresses,
    going: Going,
    way: Way,
    nulled: Collection[str],
) -> None:
    """Bring one storage table to what is to stay of it. Raises DatabaseError where it holds other rows then."""
    stored = catalog.tables[way.leaf]
    match way.kind:
        case "empty":
            session.execute(f"TRUNCATE ONLY {way.leaf.sql}", doing=f"emptying {way.leaf}")
        case "delete":
            _delete(session, addresses, going, way)
            _cut(session, addresses, going, way)
            _null(session, way, nulled)
        case "rewrite":
            _rewrite(session, stored, addresses, going, way, nulled)


def _delete(session: Session, addresses: Addresses, going: Going, way: Way) -> None:
    gone = 0
    if not way.go:
        return
    with session.transaction():
        for ids in leaf_ids(session, addresses, going, way.table, way.number, staying=False):
            stage(session, ids)
            status = session.execute(
                f"DELETE FROM ONLY {way.leaf.sql} WHERE {STAGED}", doing=f"deleting from {way.leaf}"
            )
            gone += int(status.split()[-1])
    _require(way, way.go, gone, "deleted")


def _cut(session: Session, addresses: Addresses, going: Going, way: Way) -> None:
    """Set references NULL, all of a row at once: an update gives it another address."""
    cuts = [c for c in going.cuts if c.table == way.table and c.rows.leaf_counts.get(way.number)]
    if not cuts:
        return
    rows, done = RowSet(MemoryBudget(THREAD_BYTES), addresses.offset_bits), 0
    for cut in cuts:
        for ids in cut.rows.blocks(leaf=way.number):
            rows.add(ids)
    with session.transaction():
        for ids in rows.blocks(AT_ONCE):
            bits = np.zeros(len(ids), dtype=np.int64)
            for place, cut in enumerate(cuts):
                bits |= cut.rows.contains(ids).astype(np.int64) << place
            stage(session, ids, bits)
            status = session.execute(
                f"UPDATE ONLY {way.leaf.sql} AS t SET {_assignments(cuts)} "
                "FROM pg_temp.penstock_tids AS s WHERE t.ctid = s.tid",
                doing=f"cutting references of {way.leaf}",
            )
            done += int(status.split()[-1])
    _require(way, rows.count, done, "cut")


def _assignments(cuts: Sequence[Cut]) -> str:
    tested: dict[str, int] = {}
    for place, cut in enumerate(cuts):
        for column in cut.columns:
            tested[column] = tested.get(column, 0) | 1 << place
    return ", ".join(
        f"{quote_identifier(column)} = CASE WHEN s.bits & {mask} = 0 THEN t.{quote_identifier(column)} END"
        for column, mask in tested.items()
    )


def _null(session: Session, way: Way, nulled: Collection[str]) -> None:
    for column in map(quote_identifier, sorted(nulled)):
        session.execute(
            f"UPDATE ONLY {way.leaf.sql} SET {column} = NULL WHERE {column} IS NOT NULL",
            doing=f"cutting references of {way.leaf}",
        )


def _rewrite(
    session: Session,
    stored: Table,
    addresses: Addresses,
    going: Going,
    way: Way,
    nulled: Collection[str],
) -> None:
    columns = [quote_identifier(c.name) for c in stored.stored_columns]
    listed = ", ".join(columns)
    values = ", ".join(
        "NULL" if c.name in nulled else quote_identifier(c.name) for c in stored.stored_columns
    )
    into = f"({listed}) OVERRIDING SYSTEM VALUE" if columns else ""
    dropped = drop_plain(session, way.leaf)
    with session.transaction():
        session.execute(
            f"CREATE TEMPORARY TABLE penstock_staying ON COMMIT DROP AS SELECT {listed} FROM ONLY {way.leaf.sql} WITH NO DATA",
            doing=f"rewriting {way.leaf}",
        )
        for ids in leaf_ids(session, addresses, going, way.table, way.number, staying=True):
            stage(session, ids)
            session.execute(
                f"INSERT INTO {_STAYING} SELECT {listed} FROM ONLY {way.leaf.sql} WHERE {STAGED}",
                doing=f"rewriting {way.leaf}",
            )
        session.execute(f"TRUNCATE ONLY {way.leaf.sql}", doing=f"rewriting {way.leaf}")
        status = session.execute(
            f"INSERT INTO {way.leaf.sql} {into} SELECT {values} FROM {_STAYING}",
            doing=f"rewriting {way.leaf}",
        )
        _require(way, way.stay, int(status.split()[-1]), "kept")
    rebuild(session, way.leaf, dropped)


def compact(session: Session, way: Way, vacuum: Vacuum) -> None:
    """What was rewritten is compact; what was deleted in place is so after VACUUM FULL only.

    To be called when no transaction that was open while rows were deleted is left: VACUUM keeps what it could still see.
    """
    how = "ANALYZE"
    if way.kind == "delete":
        how = "VACUUM (FULL, ANALYZE)" if vacuum == "full" else "VACUUM (ANALYZE)"
    session.execute(f"{how} {way.leaf.sql}", doing=f"compacting {way.leaf}")


def _require(way: Way, expected: int, found: int, verb: str) -> None:
    if found != expected:
        raise DatabaseError(
            f"{found:,} rows of {way.leaf} were {verb} instead of {expected:,}",
            why="somebody else wrote into the database while it was pruned",
            hint="run the command again; nothing was published",
        )

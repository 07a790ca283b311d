"""What keeps a database from being renamed or dropped though nobody is connected to it: prepared transactions and subscriptions.

A prepared transaction is a promise to somebody's coordinator: only people end it. A subscription goes with its database, where
our role may drop it; its slot is the publisher's, who is not asked.
"""

from __future__ import annotations

import asyncpg

from penstock.catalog.model import quote_identifier, quote_literal
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


def require_free(maintenance: Session, name: str) -> tuple[str, ...]:
    """What goes along with the database when it is dropped, in words. Raises `TargetRefused`, with what to type, where it
    could not be: asked before anything is begun."""
    _require_nothing_prepared(maintenance, name)
    found = _subscriptions(maintenance, name)
    for row in found:
        if not row["may"]:
            raise TargetRefused(
                f"the subscription {row['subname']} in {name} keeps it from being dropped",
                why=f"it is {row['owner']}'s, and {maintenance.settings.user} may not drop it",
                hint=f"as {row['owner']}, in {name}: {'; '.join(dropping(row['subname']))};",
            )
    return tuple(
        f"the subscription {row['subname']} goes with {name}"
        + (
            f"; its slot stays, on the publisher: SELECT pg_drop_replication_slot({quote_literal(row['subslotname'])});"
            if row["subslotname"]
            else ""
        )
        for row in found
    )


def detach(maintenance: Session, name: str) -> None:
    """Drop the subscriptions of a database that is about to be dropped, without asking their publishers."""
    require_free(maintenance, name)
    found = _subscriptions(maintenance, name)
    if not found:
        return
    maintenance.execute(  # who was swapped out lets nobody in, and only from inside can they be dropped
        f"ALTER DATABASE {quote_identifier(name)} WITH ALLOW_CONNECTIONS true", doing=f"opening {name}"
    )
    with Session.open(
        maintenance.settings, read_only=False, application_name="penstock dev drop", database=name
    ) as inside:
        for row in found:
            for statement in dropping(row["subname"]):
                inside.execute(statement, doing=f"dropping the subscription {row['subname']}")


def _require_nothing_prepared(maintenance: Session, name: str) -> None:
    prepared = maintenance.fetch(
        "SELECT gid, owner::text FROM pg_catalog.pg_prepared_xacts WHERE database = $1 ORDER BY prepared",
        name,
    )
    if prepared:
        statements = " ".join(f"ROLLBACK PREPARED {quote_literal(row['gid'])};" for row in prepared)
        raise TargetRefused(
            f"a prepared transaction in {name} keeps it from being replaced or dropped",
            why=f"{', '.join(sorted({row['owner'] for row in prepared}))} said PREPARE TRANSACTION, and nobody ended it",
            hint=f"in {name}: {statements}   or COMMIT PREPARED",
        )


def _subscriptions(maintenance: Session, name: str) -> list[asyncpg.Record]:
    """From 16 on those that need no password are a superuser's alone to alter."""
    password = "subpasswordrequired" if maintenance.connection.get_server_version().major >= 16 else "true"
    return maintenance.fetch(
        f"""
        SELECT subname::text, subslotname::text, pg_catalog.pg_get_userbyid(subowner)::text AS owner,
               me.rolsuper OR (pg_catalog.pg_has_role(subowner, 'USAGE') AND {password}) AS may
          FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid, pg_catalog.pg_roles me
         WHERE d.datname = $1 AND me.rolname = current_user ORDER BY subname
        """,
        name,
    )


def dropping(subscription: str) -> tuple[str, ...]:
    """Statements that drop a subscription without a word to its publisher.

    Without a slot DROP SUBSCRIPTION still calls it where tables are not synchronised yet: it is led nowhere first.
    """
    quoted = quote_identifier(subscription)
    nowhere = "host=/nowhere port=1 user=nowhere password=nowhere connect_timeout=2"
    return (
        f"ALTER SUBSCRIPTION {quoted} DISABLE",
        f"ALTER SUBSCRIPTION {quoted} SET (slot_name = NONE)",
        f"ALTER SUBSCRIPTION {quoted} CONNECTION '{nowhere}'",
        f"DROP SUBSCRIPTION {quoted}",
    )

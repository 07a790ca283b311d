"""Databases on the target's server: made under a temporary name, then renamed, so that no half database ever
carries the final name.

A build is marked by its name (`NAME__penstock_xxxxxxxx`) and a comment. While one is under way its run holds an advisory
lock in the maintenance database; so whoever holds that lock knows that every marked leftover is debris.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.catalog.model import DatabaseFacts, quote_identifier
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused

_MARK = "__penstock_"
_MAX_NAME_BYTES = 63


def quote_literal(text: str) -> str:
    """`text` as an SQL string literal under standard_conforming_strings."""
    return "'" + text.replace("'", "''") + "'"


def temporary_name(final: str) -> str:
    """A fresh name for a build of `final`, within 63 bytes."""
    tail = f"{_MARK}{secrets.token_hex(4)}"
    head = final.encode()[: _MAX_NAME_BYTES - len(tail)].decode(errors="ignore")
    return head + tail


@contextmanager
def build_lock(maintenance: Session, final: str) -> Iterator[None]:
    """Only one run at a time builds `final`. Raises `TargetRefused` when another one does."""
    key = int.from_bytes(hashlib.sha256(f"penstock:{final}".encode()).digest()[:8], "big", signed=True)
    if not maintenance.fetchval("SELECT pg_catalog.pg_try_advisory_lock($1)", key):
        raise TargetRefused(
            f"another run is building {final}",
            hint="wait for it, or end it; its debris is removed by the next run",
        )
    try:
        yield
    finally:
        if not maintenance.connection.is_closed():
            maintenance.fetchval("SELECT pg_catalog.pg_advisory_unlock($1)", key)


def exists(maintenance: Session, name: str) -> bool:
    return bool(
        maintenance.fetchval("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)", name)
    )


def debris(maintenance: Session, final: str) -> list[str]:
    """Leftovers of earlier builds of `final`. Call it while holding the lock."""
    prefix = temporary_name(final).rsplit(_MARK, 1)[0] + _MARK
    rows = maintenance.fetch(
        "SELECT d.datname FROM pg_catalog.pg_database d "
        "WHERE pg_catalog.starts_with(d.datname::text, $1) "
        "AND pg_catalog.shobj_description(d.oid, 'pg_database') LIKE 'penstock: %'",
        prefix,
    )
    return [row["datname"] for row in rows if len(row["datname"].encode()) == len(prefix.encode()) + 8]


def create(maintenance: Session, name: str, final: str, like: DatabaseFacts) -> tuple[str, ...]:
    """Make an empty UTF-8 database that sorts as the source does, if this server knows how. Returns warnings."""
    base = f"CREATE DATABASE {quote_identifier(name)} TEMPLATE template0 ENCODING 'UTF8'"
    collation = quote_literal(like.collation)
    warnings: tuple[str, ...] = ()
    try:
        maintenance.execute(
            f"{base} LC_COLLATE {collation} LC_CTYPE {collation}", doing=f"creating the database {name}"
        )
    except DatabaseError as error:
        if exists(maintenance, name) or "privilege" in error.why or "permission" in error.why:
            raise
        maintenance.execute(f"{base} LC_COLLATE 'C' LC_CTYPE 'C'", doing=f"creating the database {name}")
        warnings = (f"the target's server has no UTF-8 locale {like.collation}: the copy sorts as C",)
    comment = quote_literal(f"penstock: building {final}")
    maintenance.execute(f"COMMENT ON DATABASE {quote_identifier(name)} IS {comment}")
    return warnings


def drop(maintenance: Session, name: str) -> None:
    """Drop a database of ours, ending the connections to it."""
    maintenance.execute(
        f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)", doing=f"dropping {name}"
    )


def publish(maintenance: Session, built: str, final: str) -> None:
    """Give the finished build its final name."""
    maintenance.execute(
        f"ALTER DATABASE {quote_identifier(built)} RENAME TO {quote_identifier(final)}",
        doing=f"publishing {final}",
    )
    maintenance.execute(
        f"COMMENT ON DATABASE {quote_identifier(final)} IS {quote_literal(f'penstock: {final}')}"
    )


def swap(maintenance: Session, built: str, final: str) -> None:
    """Put the finished build in the place of `final` and drop the old one.

    Both renames are one transaction: either name always leads to a whole database. Owner, rights, settings and
    comment of the old one are put on the new one. Connections are forbidden only in between.
    """
    old = temporary_name(final)
    q_built, q_final, q_old = map(quote_identifier, (built, final, old))
    settings = _settings_of(maintenance, final)
    maintenance.execute(f"COMMENT ON DATABASE {q_final} IS {quote_literal(f'penstock: building {final}')}")
    try:
        for name in (q_final, q_built):
            maintenance.execute(
                f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false", doing=f"swapping {final}"
            )
        maintenance.fetch(
            "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE datname = ANY($1::text[])",
            [built, final],
        )
        maintenance.execute(
            f"BEGIN; ALTER DATABASE {q_final} RENAME TO {q_old}; ALTER DATABASE {q_built} RENAME TO {q_final}; "
            + "; ".join(statement.format(name=q_final) for statement in settings)
            + ("; " if settings else "")
            + f"COMMENT ON DATABASE {q_final} IS {quote_literal(f'penstock: {final}')}; COMMIT",
            doing=f"swapping {final}",
        )
    except BaseException:
        if maintenance.connection.is_in_transaction():
            maintenance.rollback()
        for name in (final, built):
            if exists(maintenance, name):
                maintenance.execute(f"ALTER DATABASE {quote_identifier(name)} WITH ALLOW_CONNECTIONS true")
        maintenance.execute(f"COMMENT ON DATABASE {q_final} IS {quote_literal(f'penstock: {final}')}")
        raise
    maintenance.execute(f"ALTER DATABASE {q_final} WITH ALLOW_CONNECTIONS true", doing=f"swapping {final}")
    drop(maintenance, old)


def _settings_of(maintenance: Session, name: str) -> list[str]:
    """ALTER DATABASE and GRANT statements, with {name} for the database, that make another one like this one."""
    statements = [
        row["statement"]
        for row in maintenance.fetch(
            """
            SELECT format('ALTER DATABASE {name} OWNER TO %I', pg_get_userbyid(datdba)) AS statement
              FROM pg_catalog.pg_database WHERE datname = $1
            UNION ALL
            SELECT format('ALTER DATABASE {name} SET %I = %L', split_part(s, '=', 1), substr(s, strpos(s, '=') + 1))
              FROM pg_catalog.pg_db_role_setting r JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase,
                   unnest(r.setconfig) AS s
             WHERE d.datname = $1 AND r.setrole = 0
            UNION ALL
            SELECT format('GRANT %s ON DATABASE {name} TO %s', a.privilege_type,
                          CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END)
              FROM pg_catalog.pg_database d, aclexplode(d.datacl) AS a WHERE d.datname = $1
            """,
            name,
        )
    ]
    return [s.replace("{", "{{").replace("}", "}}").replace("{{name}}", "{name}") for s in statements]

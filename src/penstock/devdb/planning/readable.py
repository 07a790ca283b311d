"""May this role read all of the source, and is it more than it needs to be? Asked of the catalog, before a row is read."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.catalog.model import Catalog, quote_identifier
from penstock.devdb.planning.rules import Rules
from penstock.engines.postgres.session import Session
from penstock.errors import SourceRefused

_LOCKED_KINDS = ("table", "partitioned")


def require_readable(source: Session, catalog: Catalog, rules: Rules, *, in_place: bool = False) -> None:
    """Raise `SourceRefused` for tables whose rows would be missing or cannot be read at all.

    Tables that stay empty must be readable too: pg_dump locks every table whose definition it reads. `in_place`: it is no
    source, but a copy whose owner asks, and FORCE alone keeps rows from an owner.
    """
    wanted = {
        t.oid: t for t in catalog if catalog.root_of(t.name) not in rules.skip and t.kind in _LOCKED_KINDS
    }
    rows = source.fetch(
        """
        SELECT c.oid::int8 AS oid, pg_catalog.row_security_active(c.oid) AS filtered,
               c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE') AS forced,
               pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
               pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') AS reachable
          FROM unnest($1::int8[]) AS w(oid) JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
        """,
        list(wanted),
    )
    role = quote_identifier(source.settings.user)
    for row in sorted(rows, key=lambda r: wanted[r["oid"]].name):
        name = wanted[row["oid"]].name
        if not row["reachable"]:
            raise SourceRefused(
                f"this role may not use the schema {name.schema}, where {name} is",
                hint=f"GRANT USAGE ON SCHEMA {quote_identifier(name.schema)} TO {role}; or put its tables in `skip`",
            )
        if not row["readable"]:
            others = sum(not r["readable"] for r in rows) - 1
            raise SourceRefused(
                f"this role may not read {name}" + (f" and {others} more tables" if others else ""),
                hint=f"GRANT SELECT ON {name.sql} TO {role}; or put it in `skip`",
            )
        if row["filtered"] and catalog.root_of(name) not in rules.empty:
            raise SourceRefused(
                f"row-level security would hide rows of {name} from this role",
                why="a copy with rows missing looks complete and is not",
                hint=f"ALTER TABLE {name.sql} NO FORCE ROW LEVEL SECURITY; and when it is done: "
                f"ALTER TABLE {name.sql} FORCE ROW LEVEL SECURITY; or have a superuser say: ALTER ROLE {role} BYPASSRLS;"
                if in_place and row["forced"]
                else "give the role BYPASSRLS, or put the table in `skip` or `empty`",
            )


def source_warnings(source: Session, catalog: Catalog) -> Iterable[str]:
    """What a DBA would rather have otherwise; `penstock doctor` says how."""
    if not catalog.facts.in_recovery:
        yield "the source is a primary: a standby would keep the load and the snapshot away from it"
    if source.fetchval(_MAY_WRITE_SQL):
        yield f"the role {source.settings.user} may write to the source: one without that right cannot do so by mistake"


_MAY_WRITE_SQL = """
SELECT pg_catalog.current_setting('is_superuser') = 'on' OR EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
       AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
"""

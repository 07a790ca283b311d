"""What could fetch production's rows from inside the copy, or holds its passwords: it stays behind, and is named.

Passwords lie in user mappings and in the literals of views.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the source that the copy does not have, and why."""

    what: str
    why: str


def never_copied(source: Session) -> Iterator[LeftOut]:
    """The objects no copy has, whatever the settings say."""
    for row in source.fetch(_NEVER_SQL):
        yield LeftOut(row["what"], row["why"])


def views_with_passwords(catalog: Catalog) -> frozenset[TableName]:
    """Views whose query quotes a password, as `dblink('host=… password=…', …)` does."""
    return frozenset(
        table.name
        for table in catalog
        if table.definition is not None
        and any(_PASSWORD.search(literal[0]) for literal in _LITERAL.finditer(table.definition))
    )


_LITERAL = re.compile(r"'(?:[^']|'')*'")
_PASSWORD = re.compile(r"\bpassword\s*=\s*\S|://[^/\s:@]+:[^/\s@]+@", re.IGNORECASE)

_NEVER_SQL = """
SELECT 'event trigger ' || evtname AS what, 'event triggers are never copied' AS why FROM pg_catalog.pg_event_trigger
UNION ALL
SELECT 'user mapping of ' || usename || ' on the server ' || srvname, 'it may hold a password'
  FROM pg_catalog.pg_user_mappings
UNION ALL
SELECT 'rows of the foreign table ' || ftrelid::regclass::text, 'they live on another server'
  FROM pg_catalog.pg_foreign_table
UNION ALL
SELECT 'publication ' || pubname, 'publications are never copied' FROM pg_catalog.pg_publication
UNION ALL
SELECT 'subscription ' || subname, 'subscriptions are never copied'
  FROM pg_catalog.pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
UNION ALL
SELECT count(*) || ' large objects', 'large objects are never copied'
  FROM pg_catalog.pg_largeobject_metadata HAVING count(*) > 0
UNION ALL
SELECT count(*) || ' security labels', 'security labels are never copied'
  FROM pg_catalog.pg_seclabel HAVING count(*) > 0
"""

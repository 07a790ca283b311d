"""What makes a copy dangerous stays behind or is switched off, and is named.

Nothing of these arrives, whatever the settings say: subscriptions, publications, event triggers, user mappings and all
else that holds a password. With `disarm = true`, the default, the copy reaches nothing that production reaches, either:
foreign servers lose their addresses, extensions that act by themselves or call out are left out (extensions.py), and
triggers that call out are switched off (outward.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the source that the copy does not have, or has switched off, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def never_copied(source: Session, *, large_objects: bool = False) -> Iterator[LeftOut]:
    """What no copy has; `large_objects` do come if they are to be kept."""
    for row in source.fetch(_NEVER_SQL):
        if not (large_objects and row["why"] == _LARGE_OBJECTS):
            yield LeftOut(row["what"], row["why"])


def armed_foreign_tables(source: Session) -> Mapping[TableName, LeftOut]:
    """Foreign tables that need no server to lead out: an option of their own names a file, a program or a place."""
    found = {}
    for row in source.fetch(_ARMED_TABLES_SQL, [*_HARMLESS_OPTIONS]):
        name = TableName(row["schema"], row["name"])
        found[name] = LeftOut(f"foreign table {name}", f"its option {row['option']} may lead out of the copy")
    return found


def addresses(session: Session) -> Iterator[LeftOut]:
    """The foreign servers and wrappers that know where to go. Names of options, never what they say."""
    for row in session.fetch(_ADDRESSES_SQL, [*_HARMLESS_OPTIONS]):
        listed = ", ".join(row["options"])
        yield LeftOut(
            f"{listed} of the {row['kind']} {row['name']}", "the copy must not reach what production reaches"
        )


def remove_addresses(target: Session) -> None:
    """Take from the foreign servers of a copy what leads anywhere. They stay, for the structure of foreign tables needs them."""
    for row in target.fetch(_ADDRESSES_SQL, [*_HARMLESS_OPTIONS]):
        of = f"ALTER {row['kind'].upper()} {quote_identifier(row['name'])} OPTIONS"
        names = [quote_identifier(option) for option in row["options"]]
        drop = ", ".join(f"DROP {name}" for name in names)
        blank = ", ".join(f"SET {name} 'disarmed'" for name in names)
        first, second = (quote_literal(f"{of} ({changes})") for changes in (drop, blank))
        body = f"BEGIN EXECUTE {first}; EXCEPTION WHEN OTHERS THEN EXECUTE {second}; END"
        target.execute(  # the second where its wrapper cannot be without an option
            f"DO {quote_literal(body)}", doing=f"removing the address of the {row['kind']} {row['name']}"
        )


_LARGE_OBJECTS = 'nothing looks into them: large_objects is not "keep"'

# Of servers, wrappers, foreign tables and their columns: how to ask and what it is called there, not where to go.
_HARMLESS_OPTIONS = (
    "analyze_sampling", "async_capable", "batch_size", "column", "column_name", "delimiter", "encoding", "escape", "extensions",
    "fdw_startup_cost", "fdw_tuple_cost", "fetch_size", "force_not_null", "force_null", "format", "header", "import_collate",
    "import_default", "import_generated", "import_not_null", "keep_connections", "key", "null", "parallel_abort",
    "parallel_commit", "quote", "schema", "schema_name", "table", "table_name", "truncatable", "updatable",
    "use_remote_estimate",
)  # fmt: skip

_ARMED_TABLES_SQL = """
WITH option AS (
    SELECT f.ftrelid AS oid, o.option_name AS name
      FROM pg_catalog.pg_foreign_table f, pg_catalog.pg_options_to_table(f.ftoptions) o
  UNION ALL
    SELECT a.attrelid, o.option_name
      FROM pg_catalog.pg_attribute a, pg_catalog.pg_options_to_table(a.attfdwoptions) o WHERE NOT a.attisdropped
)
SELECT n.nspname AS schema, c.relname AS name, min(option.name) AS option
  FROM option JOIN pg_catalog.pg_class c ON c.oid = option.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE option.name <> ALL($1::text[]) GROUP BY 1, 2 ORDER BY 1, 2
"""

_ADDRESSES_SQL = """
SELECT kind, name, array_agg(o.option_name ORDER BY o.option_name) AS options
  FROM (SELECT 'server' AS kind, srvname AS name, srvoptions AS said FROM pg_catalog.pg_foreign_server
        UNION ALL
        SELECT 'foreign data wrapper', fdwname, fdwoptions FROM pg_catalog.pg_foreign_data_wrapper) AS s,
       pg_catalog.pg_options_to_table(said) AS o
 WHERE o.option_name <> ALL($1::text[]) GROUP BY 1, 2 ORDER BY 1, 2
"""

_NEVER_SQL = f"""
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
SELECT count(*) || ' large objects', '{_LARGE_OBJECTS}'
  FROM pg_catalog.pg_largeobject_metadata HAVING count(*) > 0
UNION ALL
SELECT count(*) || ' security labels', 'security labels are never copied'
  FROM pg_catalog.pg_seclabel HAVING count(*) > 0
"""

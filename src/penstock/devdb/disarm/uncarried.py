"""What of a database its schema does not carry: settings, a comment, the rows that belong to extensions, tablespaces,
an order of columns. Settings that say how text is read come along; of the rest what is missing is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from penstock.catalog.model import Catalog, Table, quote_identifier
from penstock.devdb.disarm.left_out import LeftOut
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError

# Settings of the database on which its own functions depend, and that can hold no secret and reach nothing.
_CARRIED = frozenset({
    "bytea_output", "datestyle", "default_text_search_config", "extra_float_digits", "intervalstyle", "lc_messages",
    "lc_monetary", "lc_numeric", "lc_time", "search_path", "standard_conforming_strings", "timezone", "xmlbinary", "xmloption",
})  # fmt: skip


def uncarried(source: Session, catalog: Catalog, extensions: Collection[str]) -> Iterator[LeftOut]:
    """What stays behind. `extensions` do as a whole: of their rows nothing needs to be said."""
    for name in uncarried_settings(catalog):
        yield LeftOut(f"setting {name} of the database", "what it says may be a secret")
    for row in source.fetch(_UNCARRIED_SQL, [*extensions]):
        yield LeftOut(row["what"], row["why"])
    for row in source.fetch(_CONFIGURATION_SQL, [*extensions]):
        rows = _count(source, row["name"], row["condition"]) if row["readable"] else None
        if rows != 0:
            yield LeftOut(
                f"{'' if rows is None else f'{rows} '}rows of {row['name']}",
                f"the table belongs to the extension {row['extension']}, which makes it anew",
            )
    for row in source.fetch(_MEMBERS_SQL, [*extensions]):
        yield LeftOut(
            f"rows of {row['name']}",
            f"the table belongs to the extension {row['extension']}: the copy has it only if the extension's script makes it",
        )
    for table in catalog:
        if not table.is_partition and _order_when_dumped(catalog, table) != [c.name for c in table.columns]:
            yield LeftOut(
                f"order of the columns of {table.name}",
                "it came to inherit later; those it inherits come first in the copy",
            )


def uncarried_settings(catalog: Catalog) -> list[str]:
    """The settings of the database that may be secrets, or reach something."""
    return [name for name in sorted(catalog.facts.settings) if name.lower() not in _CARRIED]


def carry_settings(catalog: Catalog, target: Session) -> Iterator[LeftOut]:
    """Set in the database of `target` what may be carried; what its server does not take is left out."""
    database = quote_identifier(target.database)
    for name, value in sorted(catalog.facts.settings.items()):
        if name.lower() in _CARRIED:
            setting = quote_identifier(name)
            try:  # as a parameter: the catalog keeps some quoted, some not
                target.fetchval("SELECT pg_catalog.set_config($1, $2, false)", name, value)
                target.execute(f"ALTER DATABASE {database} SET {setting} FROM CURRENT")
                target.execute(f"RESET {setting}")
            except DatabaseError:
                yield LeftOut(f"setting {name} of the database", "the target's server does not take it")


def _count(source: Session, table: str, condition: str) -> int | None:
    """How many rows a dump would bring; None where the extension's condition needs what this session does not have."""
    source.execute("SAVEPOINT penstock_count")
    try:
        return int(source.fetchval(f"SELECT count(*) FROM (SELECT FROM {table} {condition}) AS q"))
    except DatabaseError:
        source.execute("ROLLBACK TO SAVEPOINT penstock_count")
        return None


def _order_when_dumped(catalog: Catalog, table: Table) -> list[str]:
    """What is inherited first, parent by parent, then its own."""
    names: dict[str, None] = {}
    for parent in table.parents:
        names |= dict.fromkeys(c.name for c in catalog.tables[parent].columns)
    return [*names, *(c.name for c in table.columns if c.name not in names)]


_CONFIGURATION_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, e.extname::text AS extension,
       coalesce(o.condition, '') AS condition,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
  FROM pg_catalog.pg_extension e, unnest(e.extconfig, e.extcondition) AS o(oid, condition)
  JOIN pg_catalog.pg_class c ON c.oid = o.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND e.extname <> ALL($1::text[]) ORDER BY 1
"""

# Those whose rows no dump would bring: the extension's own data, or a table somebody added with ALTER EXTENSION.
_MEMBERS_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, e.extname::text AS extension
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
   AND d.classid = 'pg_catalog.pg_class'::regclass
  JOIN pg_catalog.pg_class c ON c.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.oid <> ALL(coalesce(e.extconfig, '{}')) AND e.extname <> ALL($1::text[]) ORDER BY 1
"""

_UNCARRIED_SQL = """
SELECT 'setting ' || pg_catalog.split_part(s.setting, '=', 1) || ' of the role ' || pg_catalog.pg_get_userbyid(r.setrole) AS what,
       'roles do not come along' AS why
  FROM pg_catalog.pg_db_role_setting r, unnest(r.setconfig) AS s(setting)
 WHERE r.setrole <> 0 AND r.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
UNION ALL
SELECT 'comment on the database', 'the copy has one of its own' FROM pg_catalog.pg_database d
 WHERE d.datname = pg_catalog.current_database() AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NOT NULL
UNION ALL
SELECT 'comment on the schema public', 'it is in every new database already'
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname = 'public' AND pg_catalog.obj_description(n.oid, 'pg_namespace') <> 'standard public schema'
UNION ALL
SELECT 'comment on the extension ' || e.extname, 'the copy has the one that comes with the extension'
  FROM pg_catalog.pg_extension e LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = e.extname
 WHERE e.extname <> ALL($1::text[]) AND pg_catalog.obj_description(e.oid, 'pg_extension') <> coalesce(a.comment, '')
UNION ALL
SELECT 'tablespace ' || t.spcname || ' of ' || count(*) || ' tables and indexes', 'the copy is in the one of its server'
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.spcname <> 'pg_global' AND n.nspname NOT IN ('pg_catalog', 'pg_toast') GROUP BY t.spcname
"""

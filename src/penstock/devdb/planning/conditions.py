"""Conditions that would be evaluated on masked values are refused: they would choose other rows than were meant.

Which columns a condition reads is asked of the server: a temporary view over it is made, its dependencies are read from
pg_depend (through views and generated columns), and the transaction is rolled back. A function's body stays
unknown to it, as to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.catalog.model import Catalog, TableName, quote_identifier
from penstock.devdb.closure.roots import identifying_columns
from penstock.devdb.closure.written import check_condition, check_sql, sql_of, user_search_path
from penstock.devdb.context import Context
from penstock.devdb.planning.rules import Rules, look_up
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError, QueryError, SourceRefused, TargetRefused


@dataclass(frozen=True, slots=True)
class _Written:
    """SQL that somebody wrote, and the query it belongs to."""

    whose: str
    query: str
    text: str
    kind: Literal["WHERE", "ORDER BY"]
    schemas: tuple[str, ...]


def require_unmasked(context: Context, session: Session, catalog: Catalog, masked: Mapping[str, str]) -> None:
    """Raise `ConfigError` for a condition or an order over a masked column. `masked`: the mask of each, by `schema.table.column`.

    The session may write, and is on a database that has the tables; nothing of what is done there stays.
    """
    rules = look_up(catalog, context.settings, context.name)
    for whose, columns in _by_key(catalog, rules):
        _require(context, whose, [c for c in columns if c in masked], masked)
    for written in _written(rules):
        with _rolled_back(session):
            _require(context, written.whose, _used(session, catalog, written, masked), masked)


def has_conditions(rules: Rules) -> bool:
    return any(True for _ in _written(rules))


def _require(context: Context, whose: str, used: list[str], masked: Mapping[str, str]) -> None:
    if used:
        raise ConfigError(
            f"{whose} reads {used[0]}, which is masked",
            why=f"a prune starts from the masked database, and would choose by what {masked[used[0]]} made of the values",
            hint=f'choose by a column that is kept, keep {used[0]} in masks.toml, or use strategy = "subset" in '
            f"[devdb.{context.name}], which reads the real values",
        )


def _by_key(catalog: Catalog, rules: Rules) -> Iterator[tuple[str, list[str]]]:
    """What is chosen by the order or the hash of a table's key, and that key."""

    def key(table: TableName) -> list[str]:
        return [f"{table}.{c}" for c in identifying_columns(catalog.tables[table])]

    for table, root in rules.roots:
        if root.limit is not None or root.percent is not None:
            yield f"the number of rows of the root {table}, which goes by its key,", key(table)
    if rules.roots:
        for edge in rules.graph.edges:
            children = rules.children.get(edge.id, True)
            if children != "always" and not isinstance(children, bool) and children:
                yield (
                    f"`children` of the edge {edge.id}, which goes by the key of {edge.child},",
                    key(edge.child),
                )


def _written(rules: Rules) -> Iterator[_Written]:
    for table, root in rules.roots:
        query = f"SELECT 1 AS one FROM {table.sql} AS {quote_identifier(table.table)}"
        if root.where is not None:
            yield _Written(f"`where` of the root {table}", query, root.where, "WHERE", (table.schema,))
        if root.order_by is not None:
            yield _Written(
                f"`order_by` of the root {table}", query, root.order_by, "ORDER BY", (table.schema,)
            )
    for table, rule in rules.deletes:
        query = f"SELECT 1 AS one FROM {table.sql} AS {quote_identifier(table.table)}"
        yield _Written(f"`where` of the delete rule of {table}", query, rule.where, "WHERE", (table.schema,))
    for edge, text in rules.conditions:
        query = f"SELECT 1 AS one FROM {edge.child.sql} AS child, {edge.parent.sql} AS parent"
        schemas = (edge.child.schema, edge.parent.schema)
        yield _Written(f"the edge {edge.child} → {edge.parent}", query, text, "WHERE", schemas)


class _rolled_back:  # noqa: N801 - reads as a statement
    """A transaction of which nothing stays."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._transaction = session.transaction()

    def __enter__(self) -> None:
        self._transaction.__enter__()
        _still_event_triggers(self._session)

    def __exit__(self, *error: object) -> None:
        if self._session.connection.is_in_transaction():
            self._session.execute("ROLLBACK")


def _still_event_triggers(session: Session) -> None:
    """For the rest of the transaction: one that notes every change of the schema would note our view, wherever it notes."""
    for row in session.fetch(_EVENT_TRIGGERS_SQL):
        try:
            session.execute(row["statement"], doing="switching off an event trigger")
        except (QueryError, SourceRefused) as error:
            raise TargetRefused(
                f"{session.settings.user} cannot switch off the event trigger {row['name']}",
                why=error.why,
                hint=f"have its owner, or a superuser, run in {session.database}: {row['statement']};",
            ) from None


def _used(session: Session, catalog: Catalog, written: _Written, masked: Mapping[str, str]) -> list[str]:
    doing = f"looking at {written.whose}"
    with user_search_path(session, catalog, *written.schemas):
        if written.kind == "WHERE":
            check_condition(session, written.query, written.text, written.whose, doing)
            text = f"({written.text}\n)"
        else:
            check_sql(session, f"{written.query} ORDER BY {written.text}\nLIMIT 0", written.whose, doing)
            text = written.text
        with sql_of(written.whose):  # by the extended protocol, which takes one statement
            session.fetch(
                f"CREATE TEMPORARY VIEW penstock_uses AS {written.query} {written.kind} {text}", doing=doing
            )
    rows = session.fetch(_USED_SQL, doing=doing)
    found = set()
    for row in rows:
        name = TableName(row["schema"], row["name"])
        logical = catalog.root_of(name) if name in catalog.tables else name
        found.add(f"{logical}.{row['column']}")
    return sorted(found & masked.keys())


_EVENT_TRIGGERS_SQL = """
SELECT evtname::text AS name, pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', evtname) AS statement
  FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' ORDER BY 1
"""

# A view of the rows as such (`t::text`, `t = other`) depends on no column by name: then it may read them all.
_USED_SQL = """
WITH RECURSIVE rule AS (
    SELECT r.oid, r.ev_class, r.ev_action::text ~ '[{]VAR :varno [0-9]+ :varattno 0 ' AS whole FROM pg_catalog.pg_rewrite r
), used AS (
    SELECT 'pg_temp.penstock_uses'::regclass::oid AS relation, 0 AS attribute
  UNION
    SELECT next.relation, next.attribute FROM used CROSS JOIN LATERAL (
        SELECT d.refobjid AS relation, CASE WHEN rule.whole THEN a.attnum::int ELSE d.refobjsubid END AS attribute
          FROM pg_catalog.pg_class c JOIN rule ON rule.ev_class = c.oid
          JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = rule.oid
               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> c.oid
          LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum > 0 AND rule.whole
         WHERE c.oid = used.relation AND c.relkind IN ('v', 'm')
      UNION ALL
        SELECT d.refobjid, d.refobjsubid
          FROM pg_catalog.pg_attribute g JOIN pg_catalog.pg_attrdef e ON e.adrelid = g.attrelid AND e.adnum = g.attnum
          JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = g.attrelid
               AND d.refobjsubid > 0 AND d.refobjsubid <> g.attnum
               AND (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
                 OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum)
         WHERE g.attrelid = used.relation AND g.attnum = used.attribute AND g.attgenerated <> ''
    ) AS next
)
SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS "column"
  FROM used JOIN pg_catalog.pg_class c ON c.oid = used.relation AND c.relkind NOT IN ('v', 'm')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = used.attribute AND a.attnum > 0
"""

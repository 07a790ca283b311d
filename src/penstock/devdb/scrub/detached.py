"""What is in the way while tables are emptied and filled: foreign keys, triggers, rules, materialised views.
Remembered, and put back as it was.

TRUNCATE refuses a table that a foreign key references, and rows that are replaced must fire no trigger but those that
refill a search column. A materialised view holds old values until it is filled from masked tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.devdb.disarm.reaching import empty_views
from penstock.devdb.scrub.work import Work, edges_of
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused
from penstock.proof.integrity import orphan_query

_SWITCH = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS", "D": "DISABLE"}


def detach(session: Session, work: Work) -> Mapping[str, Any]:
    """Take them away; what to remember. Part of the caller's transaction."""
    oids = [table.oid for table in work.tree(work.touched)]
    switched: dict[int, list[list[str]]] = {}
    for row in session.fetch(_KEY_TRIGGERS_SQL, None, True):
        switched.setdefault(row["key"], []).append(
            [row["schema"], row["table"], row["function"], row["state"]]
        )
    keys = [
        {**row, "switched": switched.get(row["key"], [])}  # its triggers that are not as it comes with them
        for row in session.fetch(_KEYS_SQL, oids)
    ]
    refilling = {
        (str(name.table), decision.rebuild_trigger)
        for name, decision in work.policy.decisions.items()
        if decision.rebuild_trigger
    }
    roots = {table.oid: str(work.catalog.root_of(table.name)) for table in work.tree(work.touched)}
    triggers = [
        {name: row[name] for name in ("schema", "table", "name", "state")}
        for row in session.fetch(_TRIGGERS_SQL, oids)
        if (roots[row["relation"]], row["name"]) not in refilling
    ]
    rules = [dict(row) for row in session.fetch(_RULES_SQL, oids)]
    reaching = empty_views(session)
    views = [
        [row["schema"], row["name"]]
        for row in session.fetch(_VIEWS_SQL)
        if TableName(row["schema"], row["name"]) not in reaching
    ]
    known = {  # asked while the rows are those whose owner knows it
        f"{key.table} {key.name}": int(session.fetchval(orphan_query(key, work.catalog)))
        for key in work.catalog.foreign_keys
        if not (key.validated and key.enforced)
    }
    for key in keys:
        session.execute(
            f"ALTER TABLE {key['table']} DROP CONSTRAINT {quote_identifier(key['name'])}",
            doing=f"detaching {key['name']}",
        )
    for trigger in triggers:
        _alter_trigger(session, trigger, "DISABLE")
    for rule in rules:
        _alter_rule(session, rule, "DISABLE")
    for row in session.fetch(_VIEWS_SQL):
        view = TableName(row["schema"], row["name"])
        session.execute(
            f"REFRESH MATERIALIZED VIEW {view.sql} WITH NO DATA",
            doing=f"emptying the materialised view {view}",
        )
    return {
        "keys": keys,
        "triggers": triggers,
        "rules": rules,
        "views": views,
        "left_empty": {str(name): why for name, why in reaching.items() if why},
        "known": known,
        "edges": edges_of(work),
    }


def attach_key(session: Session, key: Mapping[str, Any]) -> None:
    """Put a foreign key back, validated where it was, its triggers as they were. Part of the caller's transaction."""
    name = quote_identifier(key["name"])
    session.execute(
        f"ALTER TABLE {key['table']} ADD CONSTRAINT {name} {key['definition']}",
        doing=f"putting {key['name']} of {key['table']} back",
    )
    if key["comment"] is not None:
        session.execute(f"COMMENT ON CONSTRAINT {name} ON {key['table']} IS {quote_literal(key['comment'])}")
    if key["switched"]:
        oid = session.fetchval(_KEY_SQL, key["table"], key["name"])
        states = {(schema, table, function): state for schema, table, function, state in key["switched"]}
        for row in session.fetch(_KEY_TRIGGERS_SQL, oid, False):
            state = states.get((row["schema"], row["table"], row["function"]), row["state"])
            if state != row["state"]:
                _alter_trigger(session, row, _SWITCH[state])


def require_switchable(session: Session, oids: Sequence[int]) -> None:
    """Raise `TargetRefused` where triggers of a foreign key that is put back are switched and this role could not switch
    them again."""
    if session.fetchval("SELECT pg_catalog.current_setting('is_superuser') = 'on'"):
        return
    keys = {row["key"]: row for row in session.fetch(_KEYS_SQL, list(oids))}
    for row in session.fetch(_KEY_TRIGGERS_SQL, None, True):
        if row["key"] in keys:
            key = keys[row["key"]]
            table = TableName(row["schema"], row["table"])
            raise TargetRefused(
                f"triggers of the foreign key {key['name']} of {key['table']} are switched off or otherwise",
                why="the key is taken away meanwhile, and only a superuser may switch its triggers again",
                hint=f"scrub as a superuser, or have one switch them on: ALTER TABLE {table.sql} ENABLE TRIGGER ALL;",
            )


def arm(session: Session, detached: Mapping[str, Any]) -> None:
    """Switch triggers and rules on again. Part of the caller's transaction."""
    for trigger in detached["triggers"]:
        _alter_trigger(session, trigger, _SWITCH[trigger["state"]])
    for rule in detached["rules"]:
        _alter_rule(session, rule, _SWITCH[rule["state"]])


def _alter_trigger(session: Session, trigger: Mapping[str, Any], verb: str) -> None:
    table = TableName(trigger["schema"], trigger["table"])
    session.execute(
        f"ALTER TABLE ONLY {table.sql} {verb} TRIGGER {quote_identifier(trigger['name'])}",
        doing=f"switching a trigger of {table}",
    )


def _alter_rule(session: Session, rule: Mapping[str, Any], verb: str) -> None:
    table = TableName(rule["schema"], rule["table"])
    session.execute(
        f"ALTER TABLE {table.sql} {verb} RULE {quote_identifier(rule['name'])}",
        doing=f"switching a rule of {table}",
    )


# Of the copies PostgreSQL makes for partitions only the declared constraint is dropped and added.
_KEYS_SQL = """
SELECT k.oid::int8 AS key, c.oid::regclass::text AS "table", k.conname::text AS name,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
 WHERE k.contype = 'f' AND k.conparentid = 0
   AND (k.conrelid = ANY($1::int8[]::oid[]) OR k.confrelid = ANY($1::int8[]::oid[]))
 ORDER BY 2, 3
"""

_KEY_SQL = (
    "SELECT oid::int8 FROM pg_catalog.pg_constraint WHERE conrelid = $1::text::regclass AND conname = $2"
)

# Their names are numbers, and others when the key is made anew: the table and what is called tell which is which, also of
# the copies for partitions.
_KEY_TRIGGERS_SQL = """
WITH RECURSIVE part(key, oid) AS (
    SELECT oid, oid FROM pg_catalog.pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND ($1::int8 IS NULL OR oid = $1::int8::oid)
    UNION ALL
    SELECT part.key, k.oid FROM part JOIN pg_catalog.pg_constraint k ON k.conparentid = part.oid
)
SELECT part.key::int8 AS key, n.nspname::text AS schema, c.relname::text AS "table", t.tgname::text AS name,
       p.proname::text AS function, t.tgenabled::text AS state
  FROM part JOIN pg_catalog.pg_trigger t ON t.tgconstraint = part.oid
  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
 WHERE t.tgisinternal AND (t.tgenabled <> 'O' OR NOT $2) ORDER BY 1, 2, 3, 4
"""

# Before PostgreSQL 15 the copies that partitions have of a trigger are called internal, as those of foreign keys are.
_TRIGGERS_SQL = """
SELECT c.oid::int8 AS relation, n.nspname::text AS schema, c.relname::text AS "table", t.tgname::text AS name,
       t.tgenabled::text AS state
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE (NOT t.tgisinternal OR t.tgparentid <> 0) AND t.tgenabled <> 'D' AND c.oid = ANY($1::int8[]::oid[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype = 'f')
 ORDER BY 2, 3, 4
"""

_RULES_SQL = """
SELECT n.nspname::text AS schema, c.relname::text AS "table", r.rulename::text AS name, r.ev_enabled::text AS state
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE r.ev_type <> '1' AND r.ev_enabled <> 'D' AND c.oid = ANY($1::int8[]::oid[]) ORDER BY 1, 2, 3
"""

_VIEWS_SQL = """
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND c.relispopulated ORDER BY 1, 2
"""

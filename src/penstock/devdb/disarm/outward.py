"""Functions that call out, and the triggers that would make a developer's INSERT do it: found by what they call.

plpgsql has no dependencies the catalog knows, so bodies are read as text: a body that names a function of an extension
which calls out, or a function that does, is taken for one that does. Nothing of a body is ever shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName, quote_identifier
from penstock.devdb.disarm.extensions import ACTING
from penstock.devdb.disarm.secrets import is_secret, quotes_secret
from penstock.engines.postgres.session import Session

_CALLING = (*ACTING, "dblink", "pg_background", "plsh")


@dataclass(frozen=True, slots=True)
class ArmedTrigger:
    """A trigger the copy has switched off."""

    table: TableName
    name: str
    why: str
    cloned: bool  # a partition's, of its parent's


def armed_triggers(source: Session) -> tuple[ArmedTrigger, ...]:
    """Enabled triggers whose function calls out, those of partitions included."""
    out = _calling_out(source)
    return tuple(
        ArmedTrigger(
            TableName(row["schema"], row["table"]),
            row["name"],
            f"its function {out[row['function']]}",
            row["cloned"],
        )
        for row in source.fetch(_TRIGGERS_SQL)
        if row["function"] in out
    )


def switch_off(target: Session, triggers: Iterable[ArmedTrigger]) -> None:
    """Disable these triggers in the copy."""
    for trigger in triggers:
        target.execute(
            f"ALTER TABLE {trigger.table.sql} DISABLE TRIGGER {quote_identifier(trigger.name)}",
            doing=f"switching off the trigger {trigger.name} of {trigger.table}",
        )


def outward_warnings(source: Session, catalog: Catalog) -> Iterator[str]:
    """What stays as it is and is worth knowing: secrets in functions and triggers, and notifications."""
    notifying = []
    for row in source.fetch(_FUNCTIONS_SQL):
        if quotes_secret(row["body"]):
            yield (
                f"the function {row['name']} seems to quote a password or a token, and stays as it is: "
                "move it out of the function"
            )
        if _NOTIFIES.search(row["body"]):
            notifying.append(row["oid"])
    for table in catalog:
        for trigger in table.triggers:
            if any(map(is_secret, trigger.arguments)):
                yield (
                    f"the trigger {trigger.name} of {table.name} seems to hold a password or a token among its arguments, "
                    "and stays as it is"
                )
    named = [
        f"{r['name']} of {r['schema']}.{r['table']}"
        for r in source.fetch(_TRIGGERS_SQL)
        if r["function"] in notifying and not r["cloned"]
    ]
    if named:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        yield (
            f"triggers notify whoever listens to the copy (LISTEN), as in production: {', '.join(named[:_NAMED])}{more}"
        )


def _calling_out(source: Session) -> dict[int, str]:
    """By its oid, in which way a function calls out."""
    functions = source.fetch(_FUNCTIONS_SQL)
    out = {row["oid"]: f"is in the language {row['language']}" for row in functions if row["untrusted"]}
    names = {row["name"]: row["extension"] for row in source.fetch(_MEMBERS_SQL, [*_CALLING])}
    out |= {
        row["oid"]: f"is of the extension {row['extension']}"
        for row in source.fetch(_MEMBERS_SQL, [*_CALLING])
    }
    reasons = {name: f"uses the extension {extension}" for name, extension in names.items()}
    reasons |= {row["short"]: f"calls {row['name']}" for row in functions if row["oid"] in out}
    called = {row["oid"]: frozenset(_CALLED.findall(row["body"].lower())) for row in functions}
    while True:
        found = [
            (row, min(called[row["oid"]] & reasons.keys()))
            for row in functions
            if row["oid"] not in out and called[row["oid"]] & reasons.keys()
        ]
        if not found:
            return out
        for row, name in found:
            out[row["oid"]] = reasons[name]
            reasons.setdefault(row["short"].lower(), f"calls {row['name']}")


_NAMED = 5
_CALLED = re.compile(r'([^\W\d][\w$]*)"?\s*\(')
_NOTIFIES = re.compile(
    r"\bpg_notify\s*\(|(?:^|;|\bTHEN\b|\bBEGIN\b)\s*NOTIFY\s", re.IGNORECASE | re.MULTILINE
)
_FUNCTIONS_SQL = """
SELECT p.oid::int8 AS oid, p.oid::regproc::text AS name, p.proname::text AS short, l.lanname::text AS language,
       NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c') AS untrusted,
       pg_catalog.concat_ws(E'\n', p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid)) AS body
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype = 'e')
 ORDER BY 2
"""

_MEMBERS_SQL = """
SELECT p.oid::int8 AS oid, pg_catalog.lower(p.proname::text) AS name, e.extname::text AS extension
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
 WHERE e.extname = ANY($1::text[])
"""

_TRIGGERS_SQL = """
SELECT n.nspname::text AS schema, c.relname::text AS table, t.tgname::text AS name, t.tgfoid::int8 AS function,
       t.tgparentid <> 0 AS cloned
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY 1, 2, 3
"""

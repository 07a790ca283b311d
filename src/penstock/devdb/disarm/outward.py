"""Triggers and rules that would make a developer's INSERT call out, and what else of functions is worth knowing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, TableName, quote_identifier
from penstock.devdb.disarm.expressions import callers
from penstock.devdb.disarm.functions import FUNCTIONS_SQL, calling_out
from penstock.devdb.disarm.secrets import is_secret, quotes_secret
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Armed:
    """A trigger or a rule that the copy has switched off."""

    table: TableName
    kind: str  # "trigger" | "rule"
    name: str
    why: str
    cloned: bool  # a partition's, of its parent's
    of_view: bool = False  # rules of views cannot be switched off

    @property
    def what(self) -> str:
        """For people: `trigger sends of public.orders`."""
        return f"{self.kind} {self.name} of {self.table}"

    @property
    def statement(self) -> str:
        """What switches it off."""
        name = quote_identifier(self.name)
        if self.of_view:
            return f"DROP RULE {name} ON {self.table.sql}"
        return f"ALTER TABLE {self.table.sql} DISABLE {self.kind.upper()} {name}"


def armed(source: Session) -> tuple[Armed, ...]:
    """Enabled triggers whose function or condition calls out, those of partitions included, and rules that do."""
    out = calling_out(source)
    triggers = [
        Armed(
            TableName(row["schema"], row["table"]),
            "trigger",
            row["name"],
            f"its function {out[row['function']]}",
            row["cloned"],
        )
        for row in source.fetch(_TRIGGERS_SQL)
        if row["function"] in out
    ]
    known = {(trigger.table, trigger.name) for trigger in triggers}
    found = [
        Armed(
            part.table,
            part.kind,
            part.name,
            f"its condition {part.why}" if part.kind == "trigger" else f"it {part.why}",
            part.cloned,
            part.of_view,
        )
        for part in callers(source)
        if part.kind == "rule" or (part.kind == "trigger" and (part.table, part.name) not in known)
    ]
    return (*triggers, *found)


def switch_off(target: Session, found: Iterable[Armed]) -> None:
    """Disable these in the copy."""
    for one in found:
        target.execute(one.statement, doing=f"switching off the {one.what}")


def outward_warnings(source: Session, catalog: Catalog) -> Iterator[str]:
    """What stays as it is and is worth knowing: secrets in functions and triggers, and notifications."""
    notifying = []
    for row in source.fetch(FUNCTIONS_SQL):
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


_NAMED = 5
_NOTIFIES = re.compile(
    r"\bpg_notify\s*\(|(?:^|;|\bTHEN\b|\bBEGIN\b)\s*NOTIFY\s", re.IGNORECASE | re.MULTILINE
)
_TRIGGERS_SQL = """
SELECT n.nspname::text AS schema, c.relname::text AS table, t.tgname::text AS name, t.tgfoid::int8 AS function,
       t.tgparentid <> 0 AS cloned
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY 1, 2, 3
"""

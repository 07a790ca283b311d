"""tsvector columns: the words of other columns once more.

Such a column is never masked: it is not copied but refilled from the masked text by its trigger during the load
(`rebuild`), kept where everything it was made of is kept, or emptied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock.catalog.model import Catalog, Column, ColumnName, Table
from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.keys import Keyring
from penstock.policy.classes import KeyClass, site_of
from penstock.policy.decision import Decision, Origin, Undecided, Violation
from penstock.policy.registry_file import REBUILD, Line, Registry

_SOURCES_FROM = {"pg_catalog.tsvector_update_trigger": 2, "pg_catalog.tsvector_update_trigger_column": 2}


@dataclass(frozen=True, slots=True)
class SearchTrigger:
    """The trigger that fills a tsvector column, and the columns it reads where its arguments say so."""

    name: str
    sources: tuple[str, ...]


def search_trigger(table: Table, column: str, named: str = "") -> SearchTrigger | None:
    """The trigger that refills `column` when a row is inserted, or None.

    It is the one `named`, or else a tsvector_update_trigger whose arguments name the column; enabled, and firing before
    each inserted row.
    """
    for trigger in table.triggers:
        if not trigger.enabled or not trigger.before_row_insert:
            continue
        skipped = _SOURCES_FROM.get(trigger.function)
        if skipped is not None and trigger.arguments[:1] == (column,):
            if named in ("", trigger.name):
                return SearchTrigger(trigger.name, trigger.arguments[skipped:])
        elif named == trigger.name:
            return SearchTrigger(trigger.name, ())
    return None


def decide_search_columns(
    catalog: Catalog,
    table: Table,
    registry: Registry,
    decisions: Mapping[ColumnName, Decision],
    keys: Keyring,
    *,
    mask_unclassified: bool,
) -> Iterator[Decision | Undecided | Violation]:
    """What happens to the table's tsvector columns, given the `decisions` of its other columns."""
    for column in table.stored_columns:
        if column.type.family is Family.SEARCH:
            at = ColumnName(table.name, column.name)
            line = registry.lines.get(at)
            named = str(line.options.get("trigger", "")) if line is not None and line.mask == REBUILD else ""
            trigger = search_trigger(table, column.name, named)
            sources = [decisions.get(ColumnName(table.name, s)) for s in trigger.sources] if trigger else []
            kept = bool(sources) and all(source is not None and source.keeps for source in sources)
            if line is not None:
                yield from _as_written(
                    catalog, at, line, named, trigger, keys, repeats_masked=bool(sources) and not kept
                )
            else:
                yield _by_default(
                    catalog, at, column, trigger, keys, kept=kept, mask_unclassified=mask_unclassified
                )


def _as_written(
    catalog: Catalog,
    at: ColumnName,
    line: Line,
    named: str,
    trigger: SearchTrigger | None,
    keys: Keyring,
    *,
    repeats_masked: bool,
) -> Iterator[Decision | Violation]:
    rebuild = REBUILD if trigger is not None else "null"
    if line.mask == REBUILD:
        if trigger is not None:
            yield Decision(at, None, None, Origin.REGISTRY, line.by, rebuild_trigger=trigger.name)
        else:
            problem = f"no enabled BEFORE INSERT trigger {named!r}" if named else "no tsvector_update_trigger"
            yield Violation(at, "trigger", f"{problem} refills it", mask=REBUILD, suggestion="null")
        return
    if line.mask == "keep" and repeats_masked and trigger is not None:
        yield Violation(
            at, trigger.name, "it repeats words of masked columns", mask="keep", suggestion=rebuild
        )
    try:
        yield _masked(catalog, at, {"mask": line.mask, **line.options}, keys, Origin.REGISTRY, line.by, "")
    except MaskError as error:
        yield Violation(at, "type", error.what, mask=line.mask, suggestion=rebuild)


def _by_default(
    catalog: Catalog,
    at: ColumnName,
    column: Column,
    trigger: SearchTrigger | None,
    keys: Keyring,
    *,
    kept: bool,
    mask_unclassified: bool,
) -> Decision | Undecided:
    if kept:
        return _masked(
            catalog, at, {"mask": "keep"}, keys, Origin.DEFAULT, "", "made of columns that are kept"
        )
    if trigger is not None:
        reason = f"refilled by the trigger {trigger.name} from the masked text"
        return Decision(at, None, None, Origin.DEFAULT, rebuild_trigger=trigger.name, reason=reason)
    if mask_unclassified:
        spec = {"mask": "null"} if column.nullable else {"mask": "constant", "value": ""}
        return _masked(catalog, at, spec, keys, Origin.UNCLASSIFIED, "", "nobody decided; emptied")
    return Undecided(
        at,
        column.type.name,
        "a tsvector repeats the words of other columns, and no trigger is known to refill it",
        f'{column.name} = "null"',
    )


def _masked(
    catalog: Catalog,
    at: ColumnName,
    spec: Mapping[str, str],
    keys: Keyring,
    origin: Origin,
    by: str,
    reason: str,
) -> Decision:
    mask = build(spec, site_of(catalog, KeyClass((at,), at)), keys)
    return Decision(at, mask, mask.contract(), origin, by, mask.domain, reason=reason)

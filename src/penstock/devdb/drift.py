"""What production's schema has become since a copy was made, and what that asks of masks.toml.

Compared are the catalog now and the shape that the copy's manifest recorded, not the copy itself: developers change that.
Partitions come and go and are no drift; nor is what happens to tables the copy skips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from penstock.catalog.model import Catalog, Column, ForeignKey, Table, TableName
from penstock.catalog.types import ColumnType
from penstock.devdb import manifest
from penstock.devdb.context import Context
from penstock.devdb.inspect import require_there
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.planning.deciding import decide
from penstock.devdb.planning.rules import look_up
from penstock.discover import proposed_lines
from penstock.engines.postgres.reflect import reflect
from penstock.errors import ConfigError, TargetRefused, UnknownName
from penstock.policy.decision import Policy

Shape = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Table → "columns" → name → type; → "constraints" → name → hash of what it says (it may quote a row); → each of `_ASPECTS` →
column → such a hash. Older manifests have no aspects."""

_ASPECTS = ("labels", "domain checks", "fields", "collation", "default")
"""What else a column's values mean: labels of an enum, CHECKs of a domain, fields of a composite type, also in arrays."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `now` are types, where there are any."""

    kind: str  # table added | removed | column added | column removed | column changed | constraint added | labels changed …
    subject: str
    before: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far production has moved from what a copy was made from."""

    name: str
    database: str
    made_at: str
    changes: tuple[Change, ...]
    undecided: tuple[
        tuple[str, str], ...
    ]  # columns of production nobody decided about, each with a line that would do
    stale: tuple[str, ...]  # lines of masks.toml without a column
    violations: tuple[str, ...]  # masks that fit no longer
    rules: str  # why the rules of [devdb.NAME] cannot be followed any more
    made_anew_by: str  # a command

    @property
    def drifted(self) -> bool:
        return bool(self.changes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "database": self.database,
            "made_at": self.made_at,
            "drifted": self.drifted,
            "changes": [asdict(change) for change in self.changes],
            "undecided": [{"column": column, "hint": hint} for column, hint in self.undecided],
            "without_column": list(self.stale),
            "violations": list(self.violations),
            "rules": self.rules,
            "made_anew_by": self.made_anew_by,
        }


def drift(context: Context) -> Drift:
    """Compare production now with what the copy was made from. Raises `TargetRefused` where there is no copy of ours."""
    require_there(context)
    with context.target_session(context.database) as target:
        manifests = manifest.read(target)
    require_ours(context, manifests)
    made = manifest.last_made(manifests)
    return compared(
        context,
        context.database,
        made.created_at,
        lambda catalog: changes(context, made, catalog),
        context.read_again_by,
    )


def compared(
    context: Context,
    database: str,
    made_at: str,
    changes_in: Callable[[Catalog], Iterable[Change]],
    made_anew_by: str,
) -> Drift:
    """What has changed in production's catalog now, and what is to be decided there."""
    catalog = catalog_now(context)
    policy, rules = _policy(context, catalog)
    lines = proposed_lines(catalog) if policy and policy.undecided else {}
    return Drift(
        context.name,
        database,
        made_at,
        tuple(changes_in(catalog)),
        tuple((str(u.column), lines.get(u.column, u.hint)) for u in policy.undecided) if policy else (),
        tuple(str(line.column) for line in policy.stale) if policy else (),
        tuple(str(v) for v in policy.violations) if policy else (),
        rules,
        made_anew_by,
    )


def catalog_now(context: Context) -> Catalog:
    """Production's catalog. No table is locked: nothing is read of one."""
    with context.catalog_session() as source:
        return reflect(source)


def changes(context: Context, made: Manifest, catalog: Catalog) -> Iterator[Change]:
    """What is different now, by table. Raises `TargetRefused` for a copy that an older Penstock made."""
    before: Shape | None = made.document.get("made_from")
    if before is None:
        raise TargetRefused(
            f"what {made.document['database']} was made from is not known",
            why="an older Penstock made it, which did not record that",
            hint=context.read_again_by,
        )
    skipped = {text for text, entry in made.document["tables"].items() if entry["role"] == "skip"}
    now = {text: table for text, table in shape_of(catalog, ()).items() if text not in skipped}
    for table in sorted(before.keys() | now.keys()):
        if table not in now:
            yield Change("table removed", table)
        elif table not in before:
            yield Change("table added", table)
        else:
            yield from _compared("column", table, before[table]["columns"], now[table]["columns"])
            said = _compared("constraint", table, before[table]["constraints"], now[table]["constraints"])
            yield from (Change(change.kind, change.subject) for change in said)
            for aspect in _ASPECTS:
                yield from _meaning_changed(aspect, table, before[table], now[table])


def _meaning_changed(
    aspect: str, table: str, before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> Iterator[Change]:
    """Of columns that are as they were otherwise; nothing where it was not recorded."""
    for column, type_ in before["columns"].items():
        same = aspect in before and now["columns"].get(column) == type_
        if same and before[aspect].get(column) != now[aspect].get(column):
            yield Change(f"{aspect} changed", f"{table}.{column}")


def _compared(what: str, table: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | now.keys()):
        subject, was, is_ = f"{table}.{name}", before.get(name, ""), now.get(name, "")
        if was != is_:
            verb = "added" if not was else "removed" if not is_ else "changed"
            yield Change(f"{what} {verb}", subject, was, is_)


def shape_of(catalog: Catalog, skip: Iterable[TableName]) -> Shape:
    """What a manifest records of the catalog it was made from."""
    left_out = set(skip)
    return {
        str(table.name): {
            "columns": {c.name: c.type.name + ("" if c.nullable else " not null") for c in table.columns},
            "constraints": {name: _hash(text) for name, text in _constraints(table)},
            **{aspect: _hashes(aspect, table) for aspect in _ASPECTS},
        }
        for table in catalog
        if table.kind in ("table", "partitioned", "foreign")
        and not (table.is_partition or table.extension or table.name in left_out)
    }


def fingerprint(shape: Shape) -> str:
    """What tells shapes apart where there is no room for one."""
    return _MARK + _hash(json.dumps(shape, sort_keys=True))


def is_of(fingerprinted: str, shape: Shape) -> bool:
    """Whether a fingerprint is that of a shape. Those of an older Penstock knew no aspects."""
    if fingerprinted.startswith(_MARK):
        return fingerprinted == fingerprint(shape)
    bare = {table: {key: said[key] for key in ("columns", "constraints")} for table, said in shape.items()}
    return fingerprinted == _hash(json.dumps(bare, sort_keys=True))


_MARK = "full_"


def _hashes(aspect: str, table: Table) -> dict[str, str]:
    """Of the columns of which there is anything to say."""
    said = {column.name: _aspect(aspect, column) for column in table.columns}
    return {name: _hash(text) for name, text in said.items() if text}


def _aspect(aspect: str, column: Column) -> str:
    if aspect == "collation":
        return column.collation or ""
    if aspect == "default":
        return column.default or column.generation_expression or ""
    return _of_type(aspect, column.type)


def _of_type(aspect: str, type_: ColumnType) -> str:
    """What a type says, and those inside of it."""
    inner = [type_.element] if type_.element else [field for _, field in type_.fields]
    own = {
        "labels": "\n".join(type_.labels),
        "domain checks": "\n".join(type_.domain_checks),
        "fields": "\n".join(f"{name} {field.name}" for name, field in type_.fields),
    }
    return "\n".join(filter(None, [own[aspect], *(_of_type(aspect, field) for field in inner)]))


def _constraints(table: Table) -> Iterator[tuple[str, str]]:
    for key in table.all_keys:
        yield (
            key.name,
            f"{key.primary} {key.constraint} {key.definition} {key.columns} {key.predicate} {key.expressions}",
        )
    for check in table.checks:
        yield check.name, check.definition
    for foreign_key in table.foreign_keys:
        if not foreign_key.inherited:
            yield foreign_key.name, _said(foreign_key)


def _said(key: ForeignKey) -> str:
    to = f"{key.referenced_table} {key.referenced_columns} {key.match}"
    return f"{key.columns} {to} {key.on_delete} {key.on_update} {key.deferrable} {key.enforced}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _policy(context: Context, catalog: Catalog) -> tuple[Policy | None, str]:
    """The decisions about production's columns now; or why the rules do not let them be made."""
    try:
        rules = look_up(catalog, context.settings, context.name)
    except (UnknownName, ConfigError) as error:
        return None, error.what
    policy = decide(catalog, rules, context.settings, context.registry, context.keys)
    return policy, ""

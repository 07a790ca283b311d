"""Is every object of the source's schema in the target? Two catalogs compared, object by object.

Differences name the object and what differs, never its text: a default or a CHECK may quote a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from penstock.catalog.model import MANIFEST, Catalog, Column, ForeignKey, Sequence, Table, TableName
from penstock.engines.postgres.session import Session
from penstock.proof.report import Check, Status

Reread = Callable[[str], str | None]
"""What the target's server makes of the text of a view; None when it does not take it."""


def compare_structure(
    source: Catalog,
    target: Catalog,
    *,
    skipped: frozenset[TableName] = frozenset(),
    absent: frozenset[str] = frozenset(),
    disarmed: frozenset[tuple[TableName, str]] = frozenset(),
    disarmed_rules: frozenset[tuple[TableName, str]] = frozenset(),
    own_work: Iterable[str] | None = None,
    reread: Reread = lambda text: text,
) -> Iterator[Check]:
    """One check per table, sequence, type and extension of the source, and one for what is only in the target.

    That one fails, but where people work in the target already: then it is theirs, and only named. `own_work` are
    objects of theirs that a catalog does not hold.

    `skipped` tables and types are not expected, nor are foreign keys to them and the sequences they own; nor are the
    extensions that are `absent`. Triggers that are `disarmed` must not fire, nor must rules. Major versions word
    the same view differently (16 began to leave out needless qualifiers), so a view whose text differs is `reread`.
    """
    for name, table in source.tables.items():
        if name not in skipped:
            yield compared(
                f"{_kind(table)} {name}",
                _table_differences(table, target.tables.get(name), skipped, disarmed, disarmed_rules, reread),
            )
    theirs = {sequence.name: sequence for sequence in target.sequences}
    for sequence in source.sequences:
        owner = sequence.owned_by.table if sequence.owned_by is not None else sequence.name
        if sequence.name not in skipped and owner not in skipped:
            found = theirs.get(sequence.name)
            yield compared(f"sequence {sequence.name}", _differences(sequence, found, _SEQUENCE))
    for what in ("enums", "domains", "composites"):
        here: Mapping[TableName, Any] = getattr(source, what)
        there: Mapping[TableName, Any] = getattr(target, what)
        for name, definition in here.items():
            if name in skipped:
                continue
            differing = ["is missing"] if name not in there else []
            if name in there and there[name] != definition:
                differing = ["its definition differs"]
            yield compared(f"{what[:-1]} {name}", differing)
    for extension in sorted(source.extensions.keys() - absent):
        yield compared(f"extension {extension}", [] if extension in target.extensions else ["is missing"])
    extra = [
        *(str(n) for n in target.tables if n != MANIFEST and (n not in source.tables or n in skipped)),
        *_extra_objects(source, target),
        *(own_work or ()),
    ]
    if extra and own_work is not None:
        yield Check(
            "structure", _NO_MORE, Status.EXTRA, f"not made by Penstock: {_some(extra, ', ')}", len(extra)
        )
    else:
        yield compared(_NO_MORE, [f"{name} is not expected" for name in extra])


_NO_MORE = "only what the source has"


def _extra_objects(source: Catalog, target: Catalog) -> Iterator[str]:
    """Sequences that belong to no table, types and extensions that only the target has."""
    theirs = {sequence.name for sequence in source.sequences}
    for sequence in target.sequences:
        if sequence.owned_by is None and sequence.name not in theirs:
            yield f"sequence {sequence.name}"
    for what in ("enums", "domains", "composites"):
        for name in getattr(target, what):
            if name not in getattr(source, what):
                yield f"{what[:-1]} {name}"
    for extension in target.extensions:
        if extension not in source.extensions:
            yield f"extension {extension}"


def own_routines(target: Session, source: Session | None) -> list[str]:
    """Functions and procedures that only the target has, as far as the source can be asked."""
    if source is None:
        return []
    theirs = set(_routines(source))
    return [name for name in _routines(target) if name not in theirs]


def _routines(session: Session) -> list[str]:
    """Functions and procedures that belong to no extension."""
    return [
        row["name"]
        for row in session.fetch(
            """
            SELECT pg_catalog.format('function %s.%s(%s)', n.nspname, p.proname,
                                     pg_catalog.oidvectortypes(p.proargtypes)) AS name
              FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_temp_'
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = p.oid
                                AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)
             ORDER BY 1
            """,
            doing="comparing the functions",
        )
    ]


def _kind(table: Table) -> str:
    return "table" if table.kind in ("table", "partitioned", "foreign") else table.kind


def compared(subject: str, differences: Iterable[str]) -> Check:
    """One check of the structure, failed where anything differs."""
    found = list(differences)
    if not found:
        return Check("structure", subject, Status.OK)
    return Check("structure", subject, Status.FAILED, _some(found, "; "), len(found))


def _some(found: list[str], separator: str) -> str:
    more = [f"and {len(found) - 10} more"] if len(found) > 10 else []
    return separator.join(found[:10] + more)


_COLUMN: dict[str, Callable[[Column], Any]] = {
    "type": lambda c: c.type.name,
    "NOT NULL": lambda c: c.nullable,
    "default": lambda c: c.default,
    "generated": lambda c: (c.generated, c.generation_expression),
    "identity": lambda c: c.identity,
    "collation": lambda c: c.collation,
    "comment": lambda c: c.comment,
    "sequence": lambda c: c.sequence,
}
_OF_PARTITION = {name: of for name, of in _COLUMN.items() if name != "identity"}
_SEQUENCE: dict[str, Callable[[Sequence], Any]] = {
    "type": lambda s: s.data_type,
    "increment": lambda s: s.increment,
    "bounds": lambda s: (s.minimum, s.maximum),
    "cycle": lambda s: s.cycle,
    "owner": lambda s: s.owned_by,
}
_TABLE: dict[str, Callable[[Table], Any]] = {
    "kind": lambda t: t.kind,
    "persistence": lambda t: t.persistence,
    "partition key": lambda t: t.partition_key,
    "partition bound": lambda t: t.partition_bound,
    "parents": lambda t: t.parents,
    "row-level security": lambda t: (t.row_security, t.row_security_forced),
    "comment": lambda t: t.comment,
}


def _differences(here: Any, there: Any, attributes: Mapping[str, Callable[[Any], Any]]) -> list[str]:
    if there is None:
        return ["is missing"]
    return [f"{name} differs" for name, of in attributes.items() if of(here) != of(there)]


def _table_differences(
    here: Table,
    there: Table | None,
    skipped: frozenset[TableName],
    disarmed: frozenset[tuple[TableName, str]],
    disarmed_rules: frozenset[tuple[TableName, str]],
    reread: Reread,
) -> Iterator[str]:
    yield from _differences(here, there, _TABLE)
    if there is None:
        return
    if here.definition != there.definition and (
        here.definition is None or reread(here.definition) != there.definition
    ):
        yield "definition differs"
    columns = {column.name: column for column in there.columns}
    for column in here.columns:
        # From 17 on a partition shares the identity of its root, before it had none: the root's is what counts.
        compared = _OF_PARTITION if here.is_partition else _COLUMN
        for difference in _differences(column, columns.pop(column.name, None), compared):
            yield f"column {column.name}: {difference}"
    yield from (f"column {name} is not expected" for name in columns)
    late_heir = here.parents and not here.is_partition  # pg_dump puts what it inherits first
    if [c.name for c in here.columns] != [c.name for c in there.columns] and not columns and not late_heir:
        yield "order of columns differs"
    keys = {key.name: key for key in there.all_keys}
    for key in here.all_keys:
        yield from _object("key", key.name, _key_text(key), _key_text(keys.get(key.name)))
    foreign = {key.name: key for key in there.foreign_keys}
    for reference in here.foreign_keys:
        if reference.referenced_table not in skipped:
            found = foreign.get(reference.name) or _twin(reference, there)
            yield from _object(
                "foreign key", reference.name, _reference_text(reference), _reference_text(found)
            )
            if found is not None and reference.validated and not found.validated:
                yield f"foreign key {reference.name} is NOT VALID"
    checks = {check.name: check for check in there.checks}
    for check in here.checks:
        other = checks.get(check.name)
        yield from _object("check", check.name, check.definition, other and other.definition)
        if other is not None and check.validated and not other.validated:
            yield f"check {check.name} is NOT VALID"
    indexes = {index.name: index for index in there.indexes}
    for index in here.indexes:
        if index in here.invalid_indexes:
            continue
        same = indexes.get(index.name)
        yield from _object("index", index.name, index.definition, same and same.definition)
        if same is not None and index.valid and not same.valid:
            yield f"index {index.name} is invalid"
    triggers = {trigger.name: trigger for trigger in there.triggers}
    for trigger in here.triggers:
        twin = triggers.get(trigger.name)
        if (here.name, trigger.name) in disarmed:
            if twin is not None and twin.enabled:
                yield f"trigger {trigger.name} is not switched off"
            continue
        mine = (trigger.definition, trigger.enabled)
        yield from _object("trigger", trigger.name, mine, twin and (twin.definition, twin.enabled))
    yield from _rule_differences(here, there, disarmed_rules)


def _rule_differences(here: Table, there: Table, disarmed: frozenset[tuple[TableName, str]]) -> Iterator[str]:
    """By name and whether they act: major versions word the same rule differently."""
    rules = {rule.name: rule for rule in there.rules}
    for rule in here.rules:
        twin = rules.pop(rule.name, None)
        if (here.name, rule.name) not in disarmed:
            yield from _object("rule", rule.name, rule.enabled, twin and twin.enabled)
        elif twin is not None and twin.enabled:
            yield f"rule {rule.name} is not switched off"
    yield from (f"rule {name} is not expected" for name in rules)


def _twin(reference: ForeignKey, there: Table) -> ForeignKey | None:
    """The equal of a copy that PostgreSQL made for a partition: its name is the server's choice, and 18 chooses another."""
    same = (k for k in there.foreign_keys if k.inherited and _reference_text(k) == _reference_text(reference))
    return next(same, None) if reference.inherited else None


def _object(kind: str, name: str, here: Any, there: Any) -> Iterator[str]:
    if there is None:
        yield f"{kind} {name} is missing"
    elif here != there:
        yield f"{kind} {name} differs"


def _key_text(key: Any) -> Any:
    return key and (
        key.columns,
        key.primary,
        key.constraint,
        key.deferrable,
        key.nulls_not_distinct,
        key.definition,
    )


def _reference_text(key: Any) -> Any:
    return key and (
        key.columns,
        key.referenced_table,
        key.referenced_columns,
        key.match,
        key.on_delete,
        key.on_update,
        key.deferrable,
        key.initially_deferred,
        key.enforced,
    )

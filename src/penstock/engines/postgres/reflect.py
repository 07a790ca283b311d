"""Read a database's schema into a `Catalog`: eight queries, whatever the number of tables."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from penstock.catalog.model import (
    Catalog,
    Check,
    Column,
    ColumnName,
    DatabaseFacts,
    ForeignKey,
    Index,
    Locale,
    Rule,
    Table,
    TableName,
    Trigger,
    UniqueKey,
)
from penstock.catalog.model import Sequence as SequenceOfNumbers
from penstock.engines.postgres import reflect_queries as queries
from penstock.engines.postgres.reflect_types import TypeReader

Row = Mapping[str, Any]

_KINDS = {"r": "table", "p": "partitioned", "f": "foreign", "v": "view", "m": "materialized view"}
_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_GENERATED = {"s": "stored", "v": "virtual"}
_IDENTITY = {"a": "always", "d": "by default"}
_VARIABLE = re.compile(r":varattno (\d+)")  # a column inside a pg_node_tree
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")  # literals and identifiers of a definition
_TRIGGER_ROW, _TRIGGER_BEFORE, _TRIGGER_INSERT = 1, 2, 4  # bits of pg_trigger.tgtype


class Queryable(Protocol):
    """What `reflect` needs of a session: rows that are read by column name."""

    def fetch(self, sql: str, *args: Any) -> Sequence[Any]:
        """All rows of a query."""


def reflect(session: Queryable) -> Catalog:
    """The schema the session sees, without system and temporary schemas.

    Tables that belong to an extension are included, with `extension` set. No row of any table is read.
    """
    facts = session.fetch(queries.FACTS)[0]
    version = facts["server_version"]
    attributes = _by_relation(session.fetch(queries.ATTRIBUTES))
    types = TypeReader(session.fetch(queries.TYPES), attributes)
    relations = session.fetch(queries.RELATIONS)
    names = {row["oid"]: TableName(row["schema"], row["name"]) for row in relations}
    columns = {oid: tuple(_column(row, types) for row in attributes.get(oid, ())) for oid in names}
    constraints = _by_relation(session.fetch(queries.constraints(version)))
    indexes = _by_relation(session.fetch(queries.indexes(version)))
    triggers = _by_relation(session.fetch(queries.TRIGGERS))
    tables = [
        _table(
            row,
            names,
            columns,
            constraints.get(row["oid"], ()),
            indexes.get(row["oid"], ()),
            triggers.get(row["oid"], ()),
        )
        for row in relations
    ]
    return Catalog(
        facts=_facts(facts),
        tables={table.name: table for table in sorted(tables, key=lambda table: table.name)},
        sequences=tuple(_sequence(row) for row in session.fetch(queries.SEQUENCES)),
        extensions=dict(zip(facts["extension_names"], facts["extension_versions"], strict=True)),
        extension_schemas=dict(zip(facts["extension_names"], facts["extension_schemas"], strict=True)),
        enums={TableName(t.schema, t.typname): t.labels for t in types.of_kind("e")},
        domains={TableName(t.schema, t.typname): t for t in types.of_kind("d")},
        composites={TableName(t.schema, t.typname): t for t in types.of_kind("c", "c")},
    )


def _by_relation(rows: Iterable[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["relation_oid"]].append(row)
    return grouped


def _facts(row: Row) -> DatabaseFacts:
    settings = dict(entry.split("=", 1) for entry in row["settings"] or ())
    return DatabaseFacts(
        name=row["name"],
        server_version=row["server_version"],
        encoding=row["encoding"],
        locale=Locale(
            provider=_PROVIDERS[row["locale_provider"] or "c"],
            collation=row["collation"],
            ctype=row["ctype"],
            name=row["locale"],
            rules=row["locale_rules"],
        ),
        system_identifier=row["system_identifier"],
        database_oid=row["database_oid"],
        in_recovery=row["in_recovery"],
        size_bytes=row["size_bytes"],
        settings=settings,
    )


def _column(row: Row, types: TypeReader) -> Column:
    column_type = types.read(row["type_oid"], row["modifier"], row["type_name"])
    generated = _GENERATED.get(row["generated"], "")
    return Column(
        name=row["name"],
        type=column_type,
        position=row["position"],
        nullable=not (row["not_null"] or column_type.domain_not_null),
        default=None if generated else row["expression"],
        generated=generated,
        generation_expression=row["expression"] if generated else None,
        identity=_IDENTITY.get(row["identity"], ""),
        collation=TableName(row["collation_schema"], row["collation"]).sql if row["collation"] else None,
        collation_deterministic=row["collation_deterministic"],
        comment=row["comment"],
        sequence=f"{row['sequence_schema']}.{row['sequence_name']}" if row["sequence_name"] else None,
    )


def _table(
    row: Row,
    names: Mapping[int, TableName],
    columns: Mapping[int, tuple[Column, ...]],
    constraints: Sequence[Row],
    indexes: Sequence[Row],
    triggers: Sequence[Row],
) -> Table:
    own = {column.position: column for column in columns[row["oid"]]}
    keys = [_unique_key(index, own) for index in indexes if _is_key(index)]
    partition_key = [own[n].name for n in row["partition_attributes"] or () if n]
    main_bytes = row["main_bytes"] or 0
    pages = main_bytes // row["block_bytes"]
    return Table(
        name=names[row["oid"]],
        oid=row["oid"],
        kind=_KINDS[row["kind"]],
        columns=columns[row["oid"]],
        persistence="unlogged" if row["persistence"] == "u" else "permanent",
        is_partition=row["is_partition"],
        parents=tuple(names[oid] for oid in row["parents"] if oid in names),
        partition_key=tuple(dict.fromkeys([*partition_key, *_columns_in(row["partition_expressions"], own)])),
        partition_bound=row["partition_bound"],
        primary_key=next((key for key in keys if key.primary), None),
        unique_keys=tuple(key for key in keys if not key.primary),
        foreign_keys=tuple(_foreign_key(c, names, columns) for c in constraints if c["kind"] == "f"),
        checks=tuple(_check(c, own) for c in constraints if c["kind"] == "c"),
        indexes=tuple(_index(index, own) for index in indexes),
        triggers=tuple(_trigger(trigger) for trigger in triggers),
        rules=tuple(Rule(*rule) for rule in json.loads(row["rules"] or "[]")),
        row_security=row["row_security"],
        row_security_forced=row["row_security_forced"],
        row_estimate=_row_estimate(row["reltuples"], row["relpages"], pages),
        total_bytes=row["total_bytes"] or 0,
        heap_bytes=main_bytes + (row["toast_bytes"] or 0),
        pages=pages,
        comment=row["comment"],
        extension=row["extension"],
        definition=row["definition"],
    )


def _row_estimate(reltuples: float, relpages: int, pages: int) -> float | None:
    """Rows as the planner estimates them: the density the last ANALYZE saw, times the pages there are now."""
    if reltuples < 0 or (relpages == 0 and pages > 0):
        return None
    return reltuples * pages / relpages if relpages and pages else reltuples


def _foreign_key(
    row: Row, names: Mapping[int, TableName], columns: Mapping[int, tuple[Column, ...]]
) -> ForeignKey:
    own = {column.position: column for column in columns[row["relation_oid"]]}
    referenced = {column.position: column for column in columns[row["referenced_oid"]]}
    return ForeignKey(
        name=row["name"],
        table=names[row["relation_oid"]],
        columns=tuple(own[n].name for n in row["columns"]),
        referenced_table=names[row["referenced_oid"]],
        referenced_columns=tuple(referenced[n].name for n in row["referenced_columns"]),
        operators=tuple(row["operators"]),
        match="full" if row["match"] == "f" else "simple",
        on_delete=_ACTIONS[row["on_delete"]],
        on_update=_ACTIONS[row["on_update"]],
        deferrable=row["is_deferrable"],
        initially_deferred=row["initially_deferred"],
        validated=row["validated"],
        enforced=row["enforced"],
        inherited=row["inherited"],
        nullable=any(own[n].nullable for n in row["columns"]),
    )


def _check(row: Row, own: Mapping[int, Column]) -> Check:
    return Check(
        name=row["name"],
        definition=row["definition"],
        columns=tuple(own[n].name for n in row["columns"] or () if n in own),
        validated=row["validated"],
        inherited=row["inherited"],
    )


def _is_key(row: Row) -> bool:
    return (row["is_unique"] and row["is_valid"]) or row["constraint_kind"] is not None


def _unique_key(row: Row, own: Mapping[int, Column]) -> UniqueKey:
    exclusion = row["constraint_kind"] == "x"
    return UniqueKey(
        name=row["constraint_name"] or row["name"],
        columns=tuple(own[n].name for n in row["columns"][: row["key_columns"]] if n),
        primary=row["is_primary"],
        constraint=row["constraint_kind"] is not None,
        deferrable=bool(row["is_deferrable"]),
        initially_deferred=bool(row["initially_deferred"]),
        nulls_not_distinct=row["nulls_not_distinct"],
        predicate=row["predicate"],
        predicate_columns=_columns_in(row["predicate_tree"], own),
        expressions=tuple(row["expressions"] or ()),
        expression_columns=_columns_in(row["expression_tree"], own),
        definition=row["constraint_definition"] or row["definition"],
        exclusion=exclusion,
    )


def _index(row: Row, own: Mapping[int, Column]) -> Index:
    keys = row["columns"][: row["key_columns"]]
    leading = keys[: keys.index(0)] if 0 in keys else keys
    return Index(
        name=row["name"],
        columns=tuple(own[n].name for n in leading),
        unique=row["is_unique"],
        definition=row["definition"],
        partial=row["predicate"] is not None,
        valid=row["is_valid"],
        method=row["method"],
    )


def _columns_in(tree: str | None, own: Mapping[int, Column]) -> tuple[str, ...]:
    """The columns an expression reads, in the order they appear, from its node tree."""
    numbers = dict.fromkeys(int(n) for n in _VARIABLE.findall(tree or ""))
    return tuple(own[n].name for n in numbers if n in own)


def _trigger(row: Row) -> Trigger:
    bits = _TRIGGER_ROW | _TRIGGER_BEFORE | _TRIGGER_INSERT
    # tgargs holds bytes in the server's encoding; the definition comes in ours, and its last literals are the arguments.
    literals = [token for token in _QUOTED.findall(row["definition"]) if token.startswith("'")]
    arguments = literals[len(literals) - row["argument_count"] :]
    return Trigger(
        name=row["name"],
        function=f"{row['function_schema']}.{row['function_name']}",
        definition=row["definition"],
        enabled=row["enabled"] in ("O", "A"),
        arguments=tuple(argument[1:-1].replace("''", "'") for argument in arguments),
        before_row_insert=row["type"] & bits == bits,
    )


def _sequence(row: Row) -> SequenceOfNumbers:
    owner = None
    if row["owner_column"] is not None:
        owner = ColumnName(TableName(row["owner_schema"], row["owner_table"]), row["owner_column"])
    return SequenceOfNumbers(
        name=TableName(row["schema"], row["name"]),
        data_type=row["data_type"],
        start=row["start"],
        increment=row["increment"],
        minimum=row["minimum"],
        maximum=row["maximum"],
        cycle=row["cycle"],
        owned_by=owner,
        identity=row["dependency"] == "i",
    )

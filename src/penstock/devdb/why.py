"""`dev why TABLE KEY`: the path by which a row comes into the subset.

The closure is computed again with provenance on. Keys are shown as the development database has them: masked where they
are masked, so that what is printed is what a developer sees, and nothing else leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.catalog.model import Table, TableName, quote_identifier
from penstock.devdb import databases, manifest
from penstock.devdb.added import AddedRoots, added_roots
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.closure.provenance import Origin
from penstock.devdb.closure.roots import identifying_columns
from penstock.devdb.closure.rowset import blocks_of, leaves_of, offsets_of, row_ids
from penstock.devdb.context import Context
from penstock.devdb.names import find_table
from penstock.devdb.ours import require_ours
from penstock.devdb.planning import Prepared, close, prepare
from penstock.devdb.progress import Progress
from penstock.devdb.subset import Subset
from penstock.engines.postgres.session import Session
from penstock.errors import UnknownName, UsageError
from penstock.masks.contract import Mask
from penstock.pump import copytext


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the path. `how` says what led from the next row of the path to this one."""

    row: str
    how: str
    relation: str = ""

    def __str__(self) -> str:
        return f"{self.row}: {self.how}"


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. `steps` lead from the row asked for back to a root or a kept table."""

    row: str
    included: bool
    reason: str
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "included": self.included,
            "reason": self.reason,
            "steps": [{"row": s.row, "how": s.how, "relation": s.relation} for s in self.steps],
        }


def why(context: Context, table_text: str, key: str, progress: Progress) -> Why:
    """Explain one row. Composite keys are written with commas. Raises `UnknownName` when there is no such row.

    Rows the rules do not bring may have been brought by `dev add`; then its roots are followed, from the manifests of
    the copy.
    """
    with context.source_session() as source:
        prepared = prepare(context, source, progress, trace=True)
        subset = prepared.subset
        name = find_table(subset.catalog, table_text, "the table asked for")
        reader = _Rows(subset, source)
        row = _row(reader, subset.catalog.tables[name], key)
        path, added = subset.closure.why(name, row), AddedRoots()
        if not path:
            added = _added(context, subset)
            path = _path_of_added(context, prepared, source, added, progress, (name, row))
        shown = reader.show(name, row)
        if not path:
            role = next(t.role for t in prepared.plan.tables if t.table == str(name))
            return Why(shown, included=False, reason="; ".join((_absent(role), *added.unknown)), steps=())
        steps = tuple(
            _step(reader, origin, path[i + 1] if i + 1 < len(path) else None) for i, origin in enumerate(path)
        )
        return Why(shown, included=True, reason=steps[-1].how, steps=steps)


def _row(reader: _Rows, table: Table, key: str) -> int:
    columns = identifying_columns(table)
    if not columns:
        raise UsageError(
            f"{table.name} has no key to name a row by", hint="a table with a primary or unique key"
        )
    values = [part.strip() for part in key.split(",")] if len(columns) > 1 else [key]
    if len(values) != len(columns):
        raise UsageError(
            f"the key of {table.name} is ({', '.join(columns)})", hint="write its values with commas"
        )
    found = reader.by_key(table.name, columns, values)
    if found is None:
        raise UnknownName(f"{table.name} has no row with that key", hint=f"its key is ({', '.join(columns)})")
    return found


def _added(context: Context, subset: Subset) -> AddedRoots:
    """What `dev add` brought into the copy; nothing where there is no copy of ours."""
    with context.target_session() as maintenance:
        if not databases.exists(maintenance, context.database):
            return AddedRoots()
    with context.target_session(context.database) as target:
        manifests = manifest.read(target)
    if manifests:
        require_ours(context, manifests)
    return added_roots(context, manifests, {str(table.name): table.name for table in subset.catalog})


def _path_of_added(
    context: Context,
    prepared: Prepared,
    source: Session,
    added: AddedRoots,
    progress: Progress,
    row: tuple[TableName, int],
) -> Sequence[Origin]:
    if not added.rules:
        return ()
    rules = dataclasses.replace(prepared.rules, keep=frozenset())
    closure = close(context, source, prepared.subset.catalog, rules, added.rules, progress, trace=True)
    return closure.why(*row)


def _absent(role: str) -> str:
    return {
        "empty": "its table is in `empty`",
        "skip": "its table is in `skip`",
        "unreached": "no relation leads from the roots to its table",
    }.get(role, "no root, no kept table and no relation that is followed brings it")


def _step(reader: _Rows, origin: Origin, source: Origin | None) -> Step:
    row = reader.show(origin.table, origin.row)
    if origin.relation is None or source is None:
        text = {"root": f"a root of the subset ({origin.table})", "keep": "its table is kept whole"}
        return Step(row, text.get(origin.reason, origin.reason))
    edge = origin.relation.edge
    other = reader.show(source.table, source.row)
    if origin.relation.direction == "parents":
        return Step(row, f"{other} references it ({', '.join(edge.child_columns) or edge.id})", edge.id)
    return Step(row, f"it references {other} ({', '.join(edge.child_columns) or edge.id})", edge.id)


class _Rows:
    """Rows by key and by address, in the source's snapshot."""

    def __init__(self, subset: Subset, source: Session) -> None:
        self._subset = subset
        self._source = source
        self._addresses = Addresses(
            subset.catalog, int(source.fetchval("SELECT pg_catalog.current_setting('block_size')"))
        )

    def by_key(self, name: TableName, columns: tuple[str, ...], values: list[str]) -> int | None:
        """The row with that key as the source spells it, else as the copy does."""
        condition = " AND ".join(f"t.{quote_identifier(c)}::text = ${i + 1}" for i, c in enumerate(columns))
        rows = self._source.fetch(
            f"SELECT t.tableoid::int8 AS o, t.ctid AS c FROM {self._addresses.relation(name)} t WHERE {condition} LIMIT 1",
            *values,
            doing=f"looking for a row of {name}",
        )
        if rows:
            return self._row_id(name, rows[0]["o"], *rows[0]["c"])
        masks = self._masks(name)
        if len(columns) == 1 and columns[0] in masks:
            return self._by_masked_key(name, columns[0], values[0], masks[columns[0]])
        return None

    def _row_id(self, name: TableName, oid: int, block: int, offset: int) -> int:
        leaf = self._addresses.leaf_number(name, self._subset.catalog.by_oid[oid].name)
        return int(row_ids(leaf, np.array([block]), np.array([offset]))[0])

    def _by_masked_key(self, name: TableName, column: str, value: str, mask: Mask) -> int | None:
        query = (
            f"SELECT t.tableoid::int8, (t.ctid::text::pg_catalog.point)[0]::int8, (t.ctid::text::pg_catalog.point)[1]::int8, "
            f"t.{quote_identifier(column)} FROM {self._addresses.relation(name)} t"
        )
        for data in copytext.lines(self._source.copy_out(query, doing=f"looking for a row of {name}")):
            block = copytext.parse(data, 4)
            masked = mask.mask(copytext.decode(block.field(3)))
            at = masked.cast(pa.large_string()).index(pa.scalar(value, pa.large_string())).as_py()
            if at >= 0:
                oid, page, offset = (int(block.field(i)[at].as_py()) for i in range(3))
                return self._row_id(name, oid, page, offset)
        return None

    def show(self, name: TableName, row: int) -> str:
        """`public.orders 4711`, the key as the copy has it."""
        table: Table = self._subset.catalog.tables[name]
        columns = identifying_columns(table)
        if not columns:
            return f"a row of {name}"
        ids = np.array([row], dtype=np.uint64)
        leaf = self._addresses.leaves(name)[int(leaves_of(ids)[0])]
        listed = ", ".join(f"t.{quote_identifier(c)}::text" for c in columns)
        values = self._source.fetch(
            f"SELECT {listed} FROM ONLY {leaf.sql} t WHERE t.ctid = '({blocks_of(ids)[0]},{offsets_of(ids)[0]})'::pg_catalog.tid",
            doing=f"reading a key of {name}",
        )[0]
        masks = self._masks(name)
        texts = [
            str(masks[c].mask(pa.array([v], pa.large_string()))[0].as_py()) if c in masks else str(v)
            for c, v in zip(columns, values.values(), strict=True)
        ]
        return f"{name} {', '.join(texts)}"

    def _masks(self, name: TableName) -> Mapping[str, Mask]:
        return {
            column: decision.mask
            for column, decision in self._subset.policy.of(name).items()
            if decision.mask is not None and not decision.keeps
        }

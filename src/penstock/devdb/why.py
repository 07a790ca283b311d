"""`dev why TABLE KEY`: the path by which a row comes into the subset.

The closure is computed again with provenance on, on the source as it is now; the copy is asked whether it has the row,
for either may have changed since it was made. Keys are shown as the development database has them: masked where they
are masked, so that what is printed is what a developer sees, and nothing else leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.catalog.model import Table, TableName, quote_identifier
from penstock.devdb.added import AddedRoots, added_roots
from penstock.devdb.closure.addresses import Addresses
from penstock.devdb.closure.provenance import Origin
from penstock.devdb.closure.roots import identifying_columns
from penstock.devdb.closure.rowset import blocks_of, leaves_of, offsets_of, row_ids
from penstock.devdb.context import Context
from penstock.devdb.in_copy import Copy, copy_of
from penstock.devdb.planning.choosing import close
from penstock.devdb.planning.going import deletion
from penstock.devdb.planning.names import find_table
from penstock.devdb.planning.subset import Subset
from penstock.devdb.prepare import Prepared, prepare
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session
from penstock.errors import MaskError, UnknownName, UsageError
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
    """The answer. `steps` lead from the row asked for back to a root or a kept table; `included` is of a copy made now."""

    row: str
    included: bool
    reason: str
    steps: tuple[Step, ...]
    in_copy: bool | None = None  # None: there is no copy, or its keys cannot be compared
    copy: str = ""  # the same in words

    @property
    def explained(self) -> bool:
        """Whether the copy has the row, or would have it if there were one, and the path says why."""
        return self.included and self.in_copy is not False

    def as_dict(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "included": self.included,
            "reason": self.reason,
            "steps": [{"row": s.row, "how": s.how, "relation": s.relation} for s in self.steps],
            "in_copy": self.in_copy,
            "copy": self.copy,
        }


def why(context: Context, table_text: str, key: str, progress: Progress) -> Why:
    """Explain one row. Composite keys are written with commas. Raises `UnknownName` when there is no such row.

    Rows the rules do not bring may have been brought by `dev add`; then its roots are followed, from the manifests of
    the copy.
    """
    with context.source_session() as source, copy_of(context) as copy:
        prepared = prepare(context, source, progress, trace=True)
        subset = prepared.subset
        name = find_table(subset.catalog, table_text, "the table asked for")
        reader = _Rows(subset, source)
        columns, values = _key(subset.catalog.tables[name], key)
        row = reader.by_key(name, columns, values)
        if row is None:
            return _gone(copy, reader, name, columns, values)
        shown = reader.key(name, row)
        in_copy = copy.has(name, columns, shown, masked=bool(set(columns) & set(reader.masks(name))))
        text = f"{name} {', '.join(shown)}"
        path, added = subset.closure.why(name, row), AddedRoots()
        gone = deletion(subset.going, name, row)
        unrooted = not path and subset.going is not None and not prepared.rules.roots
        whole = name in subset.whole
        if not path and not gone and not unrooted and not whole:
            added = added_roots(
                context, copy.manifests, {str(table.name): table.name for table in subset.catalog}
            )
            path = _path_of_added(context, prepared, source, added, progress, (name, row))
        said = copy.said(has_it=in_copy, included=not gone and bool(path or unrooted or whole))
        if gone:
            return Why(text, False, "the delete rules take it", _steps(reader, gone), in_copy, said)
        if unrooted:
            return Why(text, True, "no delete rule reaches it", (), in_copy, said)
        if whole:
            return Why(text, True, f"a clone has every row of {name}", (), in_copy, said)
        if not path:
            role = next(t.role for t in prepared.plan.tables if t.table == str(name))
            return Why(text, False, "; ".join((_absent(role), *added.unknown)), (), in_copy, said)
        steps = _steps(reader, path)
        return Why(text, True, steps[-1].how, steps, in_copy, said)


def _key(table: Table, key: str) -> tuple[tuple[str, ...], list[str]]:
    """The columns that identify a row, and the values of one."""
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
    return columns, values


def _gone(copy: Copy, reader: _Rows, name: TableName, columns: tuple[str, ...], values: list[str]) -> Why:
    """The answer for a row the source does not have; `values` may be the source's or the copy's."""
    spellings = [values]
    with suppress(MaskError, pa.ArrowInvalid):  # no value of that column at all
        spellings.append(reader.masked(name, columns, values))
    for spelled in spellings:
        if copy.has(name, columns, spelled, masked=False):
            row, said = f"{name} {', '.join(spelled)}", copy.said(has_it=True, included=False)
            return Why(row, False, "the source has no row with that key, or none any more", (), True, said)
    where = ", neither in the source nor in the copy" if copy.made else ""
    raise UnknownName(f"{name} has no row with that key{where}", hint=f"its key is ({', '.join(columns)})")


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
    catalog, budget = prepared.subset.catalog, prepared.subset.closure.budget
    closure = close(context, source, catalog, rules, added.rules, progress, trace=True, budget=budget)
    return closure.why(*row)


def _steps(reader: _Rows, path: Sequence[Origin]) -> tuple[Step, ...]:
    return tuple(
        _step(reader, origin, path[i + 1] if i + 1 < len(path) else None) for i, origin in enumerate(path)
    )


def _absent(role: str) -> str:
    return {
        "empty": "its table is in `empty`",
        "skip": "its table is in `skip`",
        "unreached": "no relation leads from the roots to its table",
    }.get(role, "no root, no kept table and no relation that is followed brings it")


def _step(reader: _Rows, origin: Origin, source: Origin | None) -> Step:
    row = reader.show(origin.table, origin.row)
    if origin.relation is None or source is None:
        text = {
            "delete": "a delete rule names it",
            "root": f"a root of the subset ({origin.table})",
            "keep": "its table is kept whole",
        }
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
        masks = self.masks(name)
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
        found: int | None = None
        for data in copytext.lines(self._source.copy_out(query, doing=f"looking for a row of {name}")):
            if found is not None:
                continue  # read to its end: breaking off would cost the snapshot
            block = copytext.parse(data, 4)
            masked = mask.mask(copytext.decode(block.field(3)))
            at = masked.cast(pa.large_string()).index(pa.scalar(value, pa.large_string())).as_py()
            if at >= 0:
                oid, page, offset = (int(block.field(i)[at].as_py()) for i in range(3))
                found = self._row_id(name, oid, page, offset)
        return found

    def show(self, name: TableName, row: int) -> str:
        """`public.orders 4711`, the key as the copy has it."""
        key = self.key(name, row)
        return f"{name} {', '.join(key)}" if key else f"a row of {name}"

    def key(self, name: TableName, row: int) -> list[str]:
        """The values of the row's key as the copy has them; none where there is no key."""
        columns = identifying_columns(self._subset.catalog.tables[name])
        if not columns:
            return []
        ids = np.array([row], dtype=np.uint64)
        leaf = self._addresses.leaves(name)[int(leaves_of(ids)[0])]
        listed = ", ".join(f"t.{quote_identifier(c)}::text" for c in columns)
        values = self._source.fetch(
            f"SELECT {listed} FROM ONLY {leaf.sql} t WHERE t.ctid = '({blocks_of(ids)[0]},{offsets_of(ids)[0]})'::pg_catalog.tid",
            doing=f"reading a key of {name}",
        )[0]
        return self.masked(name, columns, [str(value) for value in values.values()])

    def masked(self, name: TableName, columns: Sequence[str], values: Sequence[str]) -> list[str]:
        masks = self.masks(name)
        return [
            str(masks[c].mask(pa.array([v], pa.large_string()))[0].as_py()) if c in masks else v
            for c, v in zip(columns, values, strict=True)
        ]

    def masks(self, name: TableName) -> Mapping[str, Mask]:
        return {
            column: decision.mask
            for column, decision in self._subset.policy.of(name).items()
            if decision.mask is not None and not decision.keeps
        }

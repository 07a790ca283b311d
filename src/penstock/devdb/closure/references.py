"""Count included rows whose reference leads nowhere, because the source lacks the parent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext

from penstock.catalog.graph import Edge
from penstock.catalog.model import TableName, quote_identifier
from penstock.devdb.closure.addresses import read_records, tid_array
from penstock.devdb.closure.edge_rows import EdgeReader
from penstock.devdb.closure.rowset import RowIds, RowSet
from penstock.devdb.closure.written import user_search_path

_SENT = 4_000  # rows; more are counted by reading the table once


def count_dangling(
    reader: EdgeReader, edges: Iterable[Edge], rows: Mapping[TableName, RowSet]
) -> dict[str, int]:
    """Edge id → rows that reference a parent the source does not have.

    Only where nothing guarantees the parent: NOT VALID and NOT ENFORCED constraints, virtual edges on columns. A
    virtual edge with a condition is not counted: which rows it applies to is known to the condition alone.
    """
    found = {}
    for edge in edges:
        if edge.trusted or edge.predicate is not None:
            continue
        parent = reader.addresses.relation(edge.parent, edge.parent_leaf)
        condition = f"{refers(edge)} AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {edge.condition})"
        count = _count(reader, edge, rows[edge.child], condition)
        if count:
            found[edge.id] = count
    return found


def refers(edge: Edge) -> str:
    """SQL over `child`: whether it references anything (all key columns are set; under MATCH FULL, any)."""
    together = " OR " if edge.match == "full" else " AND "
    return "(" + together.join(f"child.{quote_identifier(c)} IS NOT NULL" for c in edge.child_columns) + ")"


def _count(reader: EdgeReader, edge: Edge, rows: RowSet, condition: str) -> int:
    """How many of the rows of the edge's child satisfy a condition over `child`."""
    path = user_search_path(reader.session, reader.catalog, edge.child.schema, edge.parent.schema)
    with path if edge.kind == "virtual" else nullcontext():
        return sum(int(rows.contains(ids).sum()) for ids in _satisfying(reader, edge, rows, condition))


def _satisfying(reader: EdgeReader, edge: Edge, rows: RowSet, condition: str) -> Iterator[RowIds]:
    addresses, table, counts = reader.addresses, edge.child, rows.leaf_counts
    for number, name in enumerate(addresses.leaves(table)):
        count = counts.get(number, 0)
        if not count or edge.child_leaf not in (None, name):
            continue
        leaf = name if addresses.is_partitioned(table) else None
        query = f"SELECT child.ctid FROM {addresses.relation(table, leaf)} AS child WHERE {condition}"
        if count <= _SENT:
            query += f" AND child.ctid = ANY ({tid_array(next(rows.blocks(_SENT, leaf=number)))})"
        doing = f"checking the references of {edge.id}"
        for records in read_records(reader.session, query, addresses.record((table, leaf)), doing):
            yield addresses.ids(records, 0, table, leaf)

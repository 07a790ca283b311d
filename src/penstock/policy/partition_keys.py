"""Partition keys under masks: a masked key may move a row, and must not move it outside of every partition."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.catalog.model import Catalog, Column, ColumnName, Table
from penstock.masks.contract import Mask
from penstock.policy.decision import Notice, Violation

_RANGE = re.compile(r"FOR VALUES FROM \((?P<low>.*)\) TO \((?P<high>.*)\)$", re.DOTALL)


def partition_key_findings(
    catalog: Catalog, table: Table, column: Column, mask: Mask
) -> Iterator[Violation | Notice]:
    """Violations and notices for every partitioned table, at any level under `table`, keyed by the column."""
    at = ColumnName(table.name, column.name)
    for parent in _levels(catalog, table):
        if column.name not in parent.partition_key:
            continue
        bounds = [child.partition_bound or "" for child in _children(catalog, parent)]
        if accepts_everything(bounds, single=len(parent.partition_key) == 1):
            yield Notice(
                at, f"it is a partition key of {parent.name}: masked rows may move to another partition"
            )
        else:
            text = f"it is a partition key of {parent.name}, and a masked value may belong to no partition"
            yield Violation(at, "partition key", text, mask=mask.name)


def accepts_everything(bounds: list[str], *, single: bool) -> bool:
    """Whether every value finds a partition: there is a default, or hashing, or ranges from end to end."""
    if any(bound == "DEFAULT" or bound.startswith("FOR VALUES WITH (modulus") for bound in bounds):
        return True
    ranges = [match for bound in bounds if (match := _RANGE.match(bound))]
    if not single or not ranges:
        return False
    following = {match["low"]: match["high"] for match in ranges}
    at, seen = "MINVALUE", 0
    while at in following and seen <= len(following):
        at, seen = following[at], seen + 1
    return at == "MAXVALUE"


def _children(catalog: Catalog, parent: Table) -> list[Table]:
    return [table for table in catalog if table.is_partition and parent.name in table.parents]


def _levels(catalog: Catalog, table: Table) -> Iterator[Table]:
    if table.kind == "partitioned":
        yield table
        for child in _children(catalog, table):
            yield from _levels(catalog, child)

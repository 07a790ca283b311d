"""Tables that others inherit from, partitions apart."""

from __future__ import annotations

from penstock.catalog.model import Catalog, TableName


def with_heirs(catalog: Catalog) -> dict[TableName, bool]:
    """The tables others inherit from, and whether a foreign one does: ANALYZE reads heirs too, and would ask its server."""
    found: dict[TableName, bool] = {}
    for table in catalog:
        waiting = [] if table.is_partition else [*table.parents]
        while waiting:
            above = waiting.pop()
            found[above] = found.get(above, False) or table.kind == "foreign"
            waiting += catalog.tables[above].parents
    return found

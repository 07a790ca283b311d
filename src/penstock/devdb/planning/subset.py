"""What is copied: decided and counted, before the first row is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.catalog.model import Catalog, ColumnName, TableName
from penstock.devdb.closure import Closure
from penstock.devdb.planning.going import Going
from penstock.policy.decision import Policy


@dataclass(frozen=True, slots=True)
class Subset:
    """Which rows leave and how each of their columns does, for one snapshot of the source."""

    catalog: Catalog
    policy: Policy
    closure: Closure
    keep: frozenset[TableName]
    skip: frozenset[TableName]
    nulled: Mapping[TableName, frozenset[str]]  # columns of foreign keys that are cut
    grants: bool = False
    going: Going | None = None  # strategy "prune": what goes
    large_objects: bool = False  # all of them come along
    disarm: bool = True
    # Of a clone: the tables of which every row leaves. Its closure is empty.
    whole: frozenset[TableName] = frozenset()
    acknowledged: frozenset[ColumnName | str] = frozenset()  # columns and texts whose findings are accepted

"""What a plan says of the copy: rows, bytes, minutes, masks, and what is worth a warning."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from penstock.catalog.model import Catalog, ColumnName, TableName
from penstock.devdb.closure import Closure
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.plan import ColumnPlan, EdgePlan, TablePlan
from penstock.devdb.planning.rules import Rules
from penstock.devdb.planning.subset import Subset
from penstock.engines.postgres.session import Session
from penstock.masks.contract import Mask
from penstock.policy.decision import Policy
from penstock.proof.report import Claim

_HUB_SHARE = 0.5  # an edge that brings more than this share of all rows is worth a warning
_HUB_ROWS = 1_000
_BYTES_PER_SECOND = 15e6  # copied and masked, or searched; measured on two cores, on the slow side


def table_plans(catalog: Catalog, rules: Rules, closure: Closure) -> Iterable[TablePlan]:
    roots = {table for table, _ in rules.roots}
    for name, leaves in catalog.leaves.items():
        stored = [catalog.tables[leaf] for leaf in leaves]
        estimates = [t.row_estimate for t in stored]
        estimate = None if None in estimates else int(sum(e or 0 for e in estimates))
        heap = _stored_bytes(catalog, name)
        rows = closure.rows[name].count if name in closure.rows else 0
        if name in rules.skip:
            role = "skip"
        elif name in rules.empty:
            role = "empty"
        elif name in rules.keep:
            role = "keep"
        elif name in roots:
            role = "root"
        else:
            role = "subset" if name in closure.reached else "unreached"
        share = min(rows / estimate, 1.0) if estimate else (1.0 if rows else 0.0)
        yield TablePlan(str(name), role, rows, round(heap * share) if rows else 0, estimate, heap)


def whole_plans(source: Session, subset: Subset, rules: Rules) -> Iterable[TablePlan]:
    """Of a clone: every row there is, as the planner estimates them. A table that was never analysed is counted."""
    planned_tables = table_plans(subset.catalog, rules, subset.closure)
    for name, planned in zip(subset.catalog.leaves, planned_tables, strict=True):
        if name not in subset.whole:
            yield planned
            continue
        rows, exact = planned.source_rows, False
        if rows is None:
            rows, exact = row_count(source, subset.catalog, name), True
        role = "keep" if name in rules.keep else "clone"
        yield dataclasses.replace(planned, role=role, rows=rows, bytes=planned.source_bytes, exact=exact)


def row_count(source: Session, catalog: Catalog, name: TableName) -> int:
    """The rows of a logical table in the source's snapshot."""
    counts = (f"(SELECT pg_catalog.count(*) FROM ONLY {leaf.sql})" for leaf in catalog.leaves[name])
    return int(source.fetchval(f"SELECT {' + '.join(counts) or '0'}", doing=f"counting the rows of {name}"))


def leak_check_bytes(catalog: Catalog, claims: Iterable[Claim]) -> int:
    """What the leak check will read of the source: tables with fresh columns whole, however few of their rows are copied,
    and once more those whose pool and permutation columns it lays beside the copy's."""
    by_codomain: dict[str, set[ColumnName]] = defaultdict(set)
    for claim in claims:
        by_codomain[claim.codomain].add(claim.column)
    searched = {column.table for column in by_codomain["fresh"]}
    compared = {
        column.table
        for column in by_codomain["pool"] | by_codomain["permutation"]
        if (key := catalog.tables[column.table].primary_key) is not None
        and all(ColumnName(column.table, name) in by_codomain["same"] for name in key.columns)
    }
    return sum(_stored_bytes(catalog, table) for table in (*searched, *compared))


def _stored_bytes(catalog: Catalog, table: TableName) -> int:
    return sum(catalog.tables[leaf].heap_bytes for leaf in catalog.leaves.get(table, ()))


def snapshot_minutes(size_bytes: int) -> float:
    """How long the source's snapshot will live, roughly, when so much is copied and searched."""
    return size_bytes / _BYTES_PER_SECOND / 60


def column_plans(policy: Policy) -> Iterable[ColumnPlan]:
    for name, decision in policy.decisions.items():
        contract = decision.contract
        yield ColumnPlan(
            column=str(name),
            mask=decision.mask_name,
            domain=decision.domain,
            codomain=contract.codomain.value if contract else "rebuild",
            uniqueness=contract.uniqueness.value if contract else "",
            origin=decision.origin.value,
            inherited_from=str(decision.inherited_from or ""),
            options=_digest_of_options(decision.mask),
        )


def _digest_of_options(mask: Mask | None) -> str:
    """Not the options themselves: a constant may be anything."""
    if mask is None or not dataclasses.fields(mask.options):
        return ""
    return hashlib.sha256(repr(mask.options).encode()).hexdigest()[:8]


def edge_plans(closure: Closure) -> Iterable[EdgePlan]:
    total = max(1, closure.count)
    found = [
        EdgePlan(brought.edge, brought.direction, brought.rows, round(brought.rows / total, 4))
        for brought in closure.brought
        if brought.rows
    ]
    return sorted(found, key=lambda e: (-e.rows, e.relation, e.direction))


def taken_plans(going: Going) -> Iterable[EdgePlan]:
    """How many rows each relation takes along when its parents are deleted."""
    total = max(1, sum(brought.rows for brought in going.taken))
    found = [
        EdgePlan(brought.edge, "deleted", brought.rows, round(brought.rows / total, 4))
        for brought in going.taken
        if brought.rows
    ]
    return sorted(found, key=lambda e: (-e.rows, e.relation))


def dangling(closure: Closure) -> Iterable[str]:
    for edge, rows in closure.dangling.items():
        yield f"{edge}: {rows} rows reference nothing in the source itself"


def warnings(policy: Policy, closure: Closure, tables: Sequence[TablePlan]) -> Iterable[str]:
    for planned in tables:
        if planned.role == "root" and not planned.rows:
            yield f"no row of {planned.table} satisfies the conditions of its root"
    yield from _heirs_left_behind(policy.catalog, {planned.table: planned.role for planned in tables})
    for table in policy.catalog:
        if table.kind == "foreign":
            yield f"{table.name} is a foreign table: its rows live on another server and are not copied"
    yield from map(str, policy.notices)
    yield from (f"masks.toml has a line for {line.column}, which does not exist" for line in policy.stale)
    for edge in edge_plans(closure):
        if edge.direction == "children" and edge.rows >= _HUB_ROWS and edge.share > _HUB_SHARE:
            yield (
                f"{edge.relation} brings {edge.rows:,} rows, {edge.share:.0%} of all: "
                "a cap (children = N) on this edge would make the copy smaller"
            )


def _heirs_left_behind(catalog: Catalog, roles: Mapping[str, str]) -> Iterable[str]:
    """Tables chosen by hand whose inheritance children are not: a SELECT shows their rows too, the copy has none."""
    children: dict[TableName, list[TableName]] = defaultdict(list)
    for table in catalog:
        for parent in table.parents:
            if not table.is_partition:
                children[parent].append(table.name)
    for name in catalog.leaves:
        if (role := roles.get(str(name))) not in ("root", "keep"):
            continue
        heirs: list[TableName] = []
        waiting = children[name].copy()
        while waiting:
            heir = waiting.pop(0)
            if roles.get(str(heir)) in ("subset", "unreached") and heir not in heirs:
                heirs.append(heir)
                waiting += children[heir]
        if heirs:
            yield (
                f"{name} has heirs, whose rows a SELECT from it shows and its {role} does not bring: "
                f"{', '.join(map(str, heirs))}; {'keep them' if role == 'keep' else 'make them roots'} too"
            )

"""From settings to a plan, and to the job that carries it out, inside one snapshot of the source.

Nothing is written anywhere. What would make `create` refuse is collected, not raised, so that a plan shows all of it at
once; `Prepared.require` raises it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock.catalog.graph import Edge
from penstock.catalog.model import Catalog, ColumnName, Table, TableName, quote_identifier
from penstock.devdb.build import Job
from penstock.devdb.closure import Closure, EdgeRule, RootRule, compute
from penstock.devdb.closure.written import check_condition, user_search_path
from penstock.devdb.context import Context
from penstock.devdb.plan import ColumnPlan, EdgePlan, Plan, Refusal, TablePlan, settings_as_dict
from penstock.devdb.progress import Progress
from penstock.devdb.quoted import acknowledged_texts, quotes, refusal, warnings
from penstock.devdb.readable import require_readable, source_warnings
from penstock.devdb.real import real_values
from penstock.devdb.rules import Rules, joins_of, look_up
from penstock.discover import flagged
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError, ContractBroken, PenstockError, Refused, SourceRefused
from penstock.masks.contract import Mask
from penstock.policy.decision import Policy
from penstock.policy.resolve import resolve
from penstock.proof.relations import catalog_texts

_HUB_SHARE = 0.5  # an edge that brings more than this share of all rows is worth a warning
_HUB_ROWS = 1_000
_BYTES_PER_SECOND = 15e6  # copied and masked, or searched; measured on two cores, on the slow side


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and everything needed to carry it out in the same snapshot."""

    plan: Plan
    job: Job
    rules: Rules
    errors: tuple[PenstockError, ...]

    def require(self) -> None:
        """Raise the first reason to refuse, if there is one."""
        if self.errors:
            raise self.errors[0]


def prepare(
    context: Context,
    source: Session,
    progress: Progress,
    *,
    catalog: Catalog | None = None,
    trace: bool = False,
) -> Prepared:
    """Plan one development database in the source's open snapshot.

    Raises `UnknownName`, `ConfigError` and `QueryError` for rules that cannot be followed at all, and
    `SourceRefused` where this role does not see every row.
    """
    started = time.monotonic()
    progress.start("catalog")
    catalog = catalog or reflect(source)
    rules = look_up(catalog, context.settings, context.name)
    if not rules.roots and not rules.keep:
        table = next(iter(map(str, catalog.leaves)), "schema.table")
        raise ConfigError(
            f"[devdb.{context.name}] has no root: nothing would be copied",
            hint=f'add to penstock.toml:\n[[devdb.{context.name}.root]]\ntable = "{table}"\nlimit = 100',
        )
    progress.finish("catalog")
    policy, real = _decide(context, catalog, rules, source)
    nulled, blocked = _cut_columns(catalog, rules)
    require_readable(source, catalog, rules)
    texts = catalog_texts(source)
    where = f"devdb.{context.name}.acknowledged"
    acknowledged = rules.acknowledged | acknowledged_texts(rules.acknowledged_texts, texts, where)
    quoted = list(quotes(source, catalog, policy, nulled, texts, acknowledged))
    errors = [*blocked, *_policy_errors(policy), *_merges(source, policy), *refusal(quoted, context.name)]
    progress.start("closure")
    _check_conditions(source, catalog, rules)
    roots = [RootRule(table, r.where, r.limit, r.percent, r.order_by) for table, r in rules.roots]
    closure = close(context, source, catalog, rules, roots, progress, trace=trace)
    progress.finish("closure")
    job = Job(
        catalog,
        policy,
        closure,
        rules.keep,
        rules.skip,
        nulled,
        grants=context.settings.grants,
        acknowledged=acknowledged,
    )
    tables = tuple(_table_plans(catalog, rules, closure))
    minutes = _snapshot_minutes(tables, policy)
    errors += _too_long(minutes, context.settings.max_snapshot_minutes)
    plan = Plan(
        name=context.name,
        source=context.source.describe(),
        target=context.target.describe(),
        database=context.database,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings_as_dict(context.settings),
        key_fingerprint=context.keys.fingerprint,
        tables=tables,
        columns=tuple(_column_plans(policy)),
        edges=tuple(_edge_plans(closure)),
        dangling=tuple(_dangling(closure)),
        nulled=tuple(sorted(str(ColumnName(t, c)) for t, columns in nulled.items() for c in columns)),
        real=real,
        warnings=(*source_warnings(source, catalog), *_warnings(policy, closure, tables), *warnings(quoted)),
        refusals=tuple(Refusal(e.code, e.what, e.hint) for e in errors),
        snapshot_minutes=round(minutes, 1),
        seconds=round(time.monotonic() - started, 3),
    )
    return Prepared(plan, job, rules, tuple(errors))


def _decide(
    context: Context, catalog: Catalog, rules: Rules, source: Session
) -> tuple[Policy, tuple[str, ...]]:
    def policy_with(real: Mapping[ColumnName, frozenset[str]]) -> Policy:
        return resolve(
            catalog,
            registry=context.registry,
            keys=context.keys,
            virtual_edges=joins_of(rules),
            unclassified=context.settings.unclassified,
            skip=rules.skip,
            empty=rules.empty,
            real=real,
            flagged=suspected,
        )

    suspected = flagged(catalog)
    policy = policy_with({})
    if not context.settings.real:
        return policy, ()
    values, told = real_values(source, catalog, policy, context.settings.real, context.name)
    return policy_with(values), told


def _check_conditions(source: Session, catalog: Catalog, rules: Rules) -> None:
    """Raise `QueryError` or `ConfigError` unless each `on` and `where` of an edge is one condition by itself."""
    for edge, condition in rules.conditions:
        whose = f"the edge {edge.child} → {edge.parent}"
        with user_search_path(source, catalog, edge.child.schema, edge.parent.schema):
            query = f"SELECT 1 FROM {edge.child.sql} AS child, {edge.parent.sql} AS parent"
            check_condition(source, query, condition, whose, f"checking {whose}")


def close(
    context: Context,
    source: Session,
    catalog: Catalog,
    rules: Rules,
    roots: Iterable[RootRule],
    progress: Progress,
    *,
    trace: bool,
) -> Closure:
    """The closure of these roots and the kept tables, under the edges of the rules."""
    return compute(
        source,
        catalog,
        rules.graph,
        roots=roots,
        edges=[EdgeRule(i, children=rules.children.get(i, True), cut=i in rules.cut) for i in rules.children],
        keep=rules.keep,
        empty=rules.empty,
        skip=rules.skip,
        keys=context.keys,
        trace=trace,
        progress=_closure_progress(progress),
    )


def _closure_progress(progress: Progress) -> Callable[[str, int], None]:
    """The closure tells how many rows there are so far; a task wants how many more."""
    so_far = 0

    def told(_what: str, rows: int) -> None:
        nonlocal so_far
        progress.advance("closure", rows - so_far)
        so_far = rows

    return told


def _cut_columns(
    catalog: Catalog, rules: Rules
) -> tuple[Mapping[TableName, frozenset[str]], list[PenstockError]]:
    """Foreign keys whose parents will not be there: which columns become NULL, and which cannot."""
    nulled: dict[TableName, set[str]] = {}
    errors: list[PenstockError] = []
    gone = rules.empty | rules.skip
    for edge in rules.graph.edges:
        if edge.child in gone or not (edge.parent in gone or edge.id in rules.cut) or not edge.child_columns:
            continue
        if edge.kind == "virtual" and edge.id not in rules.cut:
            continue  # nothing in the target would break
        columns = _nullable(catalog.tables[edge.child], edge, _shared_columns(rules, edge))
        if columns:
            nulled.setdefault(edge.child, set()).update(columns)
        else:
            errors.append(
                ContractBroken(
                    f"{edge.child} must reference {edge.parent}, which stays empty",
                    why=f"the foreign key {edge.id} allows no NULL",
                    hint=f"put {edge.child} in `empty` too, or take {edge.parent} out of it",
                )
            )
    return {table: frozenset(columns) for table, columns in nulled.items()}, errors


def _shared_columns(rules: Rules, edge: Edge) -> frozenset[str]:
    """Columns of this key that other keys of the same table use too."""
    others = (
        e.child_columns
        for e in rules.graph.parents[edge.child]
        if e.id != edge.id and e.child_leaf == edge.child_leaf
    )
    return frozenset(column for columns in others for column in columns if columns != edge.child_columns)


def _nullable(table: Table, edge: Edge, shared: frozenset[str]) -> tuple[str, ...]:
    """The columns to set NULL: all of them under MATCH FULL. Else one is enough, best one that no other key uses."""
    able = tuple(c for c in edge.child_columns if table.column(c).nullable)
    if edge.match == "full":
        return able if len(able) == len(edge.child_columns) else ()
    return tuple(sorted(able, key=lambda column: column in shared)[:1])


def _policy_errors(policy: Policy) -> Iterable[PenstockError]:
    try:
        policy.require()
    except Refused as error:
        yield error


def _merges(source: Session, policy: Policy) -> Iterable[PenstockError]:
    """Keys whose distinct values the class's canonical form would make one: counted, and refused if there are any."""
    for merge in policy.merges:
        table = merge.column.table
        merged = source.fetchval(
            f"SELECT count(*) FROM (SELECT FROM {table.sql} WHERE {quote_identifier(merge.column.column)} IS NOT NULL "
            f"GROUP BY {merge.expression} HAVING count(*) > 1) AS merged",
            doing=f"counting merged values of {merge.column}",
        )
        if merged:
            yield ContractBroken(
                f"{merged} distinct values of {merge.column} would become one",
                why=merge.why,
                hint=merge.hint,
            )


def _table_plans(catalog: Catalog, rules: Rules, closure: Closure) -> Iterable[TablePlan]:
    roots = {table for table, _ in rules.roots}
    for name, leaves in catalog.leaves.items():
        stored = [catalog.tables[leaf] for leaf in leaves]
        estimates = [t.row_estimate for t in stored]
        estimate = None if None in estimates else int(sum(e or 0 for e in estimates))
        heap = sum(t.heap_bytes for t in stored)
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


def _snapshot_minutes(tables: Iterable[TablePlan], policy: Policy) -> float:
    """How long the source's snapshot will live, roughly: the rows copied, and what the leak check reads again."""
    searched = {
        str(name.table)
        for name, d in policy.decisions.items()
        if d.contract and d.contract.codomain == "fresh"
    }
    size = sum(t.bytes + (t.source_bytes if t.table in searched else 0) for t in tables)
    return size / _BYTES_PER_SECOND / 60


def _too_long(minutes: float, most: float) -> Iterable[PenstockError]:
    if minutes > most:
        yield SourceRefused(
            f"the copy would hold a snapshot of the source for about {minutes:,.0f} minutes",
            why="vacuum cannot remove dead rows for that long",
            hint=f"copy less, use a standby, or raise max_snapshot_minutes (now {most:g}) in penstock.toml",
        )


def _column_plans(policy: Policy) -> Iterable[ColumnPlan]:
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


def _edge_plans(closure: Closure) -> Iterable[EdgePlan]:
    total = max(1, sum(rows.count for rows in closure.rows.values()))
    found = [
        EdgePlan(brought.edge, brought.direction, brought.rows, round(brought.rows / total, 4))
        for brought in closure.brought
        if brought.rows
    ]
    return sorted(found, key=lambda e: (-e.rows, e.relation, e.direction))


def _dangling(closure: Closure) -> Iterable[str]:
    for edge, rows in closure.dangling.items():
        yield f"{edge}: {rows} rows reference nothing in the source itself"


def _warnings(policy: Policy, closure: Closure, tables: Iterable[TablePlan]) -> Iterable[str]:
    for planned in tables:
        if planned.role == "root" and not planned.rows:
            yield f"no row of {planned.table} satisfies the conditions of its root"
    for table in policy.catalog:
        if table.kind == "foreign":
            yield f"{table.name} is a foreign table: its rows live on another server and are not copied"
    yield from map(str, policy.notices)
    yield from (f"masks.toml has a line for {line.column}, which does not exist" for line in policy.stale)
    for edge in _edge_plans(closure):
        if edge.direction == "children" and edge.rows >= _HUB_ROWS and edge.share > _HUB_SHARE:
            yield (
                f"{edge.relation} brings {edge.rows:,} rows, {edge.share:.0%} of all: "
                "a cap (children = N) on this edge would make the copy smaller"
            )

"""From settings to a plan, and to the subset it copies, inside one snapshot of the source.

Nothing is written anywhere. What would make `create` refuse is collected, not raised, so that a plan shows all of it at
once; `Prepared.require` raises it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock.catalog.model import Catalog, ColumnName, TableName
from penstock.devdb.closure import Closure
from penstock.devdb.context import Context
from penstock.devdb.disarm.arming import Arming, arming
from penstock.devdb.labour import VACUUM_OF_PRUNE, Vacuum
from penstock.devdb.locking import indexes_of, too_many
from penstock.devdb.planning.choosing import check_conditions, choose, rules_of
from penstock.devdb.planning.conditions import has_conditions
from penstock.devdb.planning.deciding import decide
from penstock.devdb.planning.forecast import (
    column_plans,
    dangling,
    edge_plans,
    leak_check_bytes,
    snapshot_minutes,
    table_plans,
    taken_plans,
    warnings,
    whole_plans,
)
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.obstacles import (
    checks_at_risk,
    cut_columns,
    in_the_way_of_the_manifest,
    merges,
    policy_errors,
)
from penstock.devdb.planning.plan import Plan, Refusal, settings_as_dict
from penstock.devdb.planning.quoted import acknowledged_texts, quotes, refusal
from penstock.devdb.planning.quoted import warnings as quoted_warnings
from penstock.devdb.planning.readable import require_readable, source_warnings
from penstock.devdb.planning.real import real_values
from penstock.devdb.planning.rules import Rules
from penstock.devdb.planning.subset import Subset
from penstock.devdb.planning.ways import ways
from penstock.devdb.progress import Progress
from penstock.devdb.verify import claims_of
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, SourceRefused
from penstock.policy.decision import Policy
from penstock.proof.relations import catalog_texts


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and everything needed to carry it out in the same snapshot."""

    plan: Plan
    subset: Subset
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
    vacuum: Vacuum | None = None,
    existing: bool = False,
) -> Prepared:
    """Plan one development database in the source's open snapshot. `vacuum`: how a prune will compact tables.

    `existing`: the session is on `from_database`, or on a copy of it, and not on production: what speaks of that is
    left out.

    Raises `UnknownName`, `ConfigError` and `QueryError` for rules that cannot be followed at all, and
    `SourceRefused` where this role does not see every row.
    """
    started = time.monotonic()
    progress.start("catalog")
    catalog = catalog or reflect(source)
    rules = rules_of(context, catalog)
    progress.finish("catalog")
    decided = _decide(context, catalog, rules, source, existing=existing)
    subset = _close(context, source, catalog, rules, decided, progress, trace=trace)
    plans = (
        whole_plans(source, subset, rules) if subset.whole else table_plans(catalog, rules, subset.closure)
    )
    tables = tuple(plans)
    read_again = leak_check_bytes(catalog, claims_of(subset))
    armed = (
        Arming((), (), ())  # a copy of its files has all that is in it
        if existing
        else arming(context.name, context.settings, source, subset)
    )
    copied = sum(t.bytes if subset.going is None else t.source_bytes for t in tables)
    minutes = snapshot_minutes(read_again + (0 if existing else copied))
    read = subset.whole or {name for name, rows in subset.closure.rows.items() if rows.count}
    errors = (
        *decided.errors,
        *armed.errors,
        *_too_long(minutes, context.settings.max_snapshot_minutes),
        *too_many(source, indexes_of(catalog, read), SourceRefused),
    )
    if subset.going is not None:
        errors += subset.going.refused
    plan = Plan(
        name=context.name,
        source=f"the database {context.settings.from_database}" if existing else context.source.describe(),
        target=context.target.describe(),
        database=context.database,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings_as_dict(context.settings),
        key_fingerprint=context.keys.fingerprint,
        tables=tables,
        columns=tuple(column_plans(decided.policy)),
        edges=(*edge_plans(subset.closure), *(taken_plans(subset.going) if subset.going else ())),
        dangling=tuple(dangling(subset.closure)),
        ways=tuple(
            w.planned
            for w in ways(
                catalog, subset.going, decided.nulled if existing else {}, vacuum or VACUUM_OF_PRUNE
            )
        )
        if subset.going
        else (),
        nulled=tuple(sorted(str(ColumnName(t, c)) for t, columns in decided.nulled.items() for c in columns)),
        real=decided.real,
        left_out=armed.left_out,
        warnings=(
            *decided.warnings,
            *armed.warnings,
            *_unlooked(context, rules),
            *warnings(decided.policy, subset.closure, tables),
        ),
        refusals=tuple(Refusal(e.code, e.what, e.hint) for e in errors),
        leak_check_bytes=read_again,
        snapshot_minutes=round(minutes, 1),
        seconds=round(time.monotonic() - started, 3),
    )
    return Prepared(plan, subset, rules, errors)


def _unlooked(context: Context, rules: Rules) -> Iterable[str]:
    if context.settings.strategy == "prune" and not context.settings.from_database and has_conditions(rules):
        yield "whether a condition reads a masked column is looked at by create, in the schema of the copy"


@dataclass(frozen=True, slots=True)
class _Decided:
    """What becomes of every column, before any row is looked for; and what speaks against it."""

    policy: Policy
    real: tuple[str, ...]
    nulled: Mapping[TableName, frozenset[str]]
    acknowledged: frozenset[ColumnName | str]
    errors: tuple[PenstockError, ...]
    warnings: tuple[str, ...]


def _decide(context: Context, catalog: Catalog, rules: Rules, source: Session, *, existing: bool) -> _Decided:
    policy, real = _policy(context, catalog, rules, source)
    nulled, blocked = cut_columns(catalog, rules)
    risked = checks_at_risk(catalog, nulled)
    if rules.deletes and not rules.roots:  # then what is cut becomes NULL where its row goes, not everywhere
        nulled, _ = cut_columns(catalog, dataclasses.replace(rules, cut=frozenset()))
    require_readable(source, catalog, rules)
    texts = catalog_texts(source)
    where = f"devdb.{context.name}.acknowledged"
    acknowledged = rules.acknowledged | acknowledged_texts(rules.acknowledged_texts, texts, where)
    quoted = list(quotes(source, catalog, policy, nulled, texts, acknowledged))
    return _Decided(
        policy,
        real,
        nulled,
        acknowledged,
        (
            *in_the_way_of_the_manifest(catalog, rules),
            *blocked,
            *policy_errors(policy, context.name),
            *merges(source, policy),
            *refusal(quoted, context.name),
        ),
        (
            *(() if existing else source_warnings(source, catalog)),
            *quoted_warnings(quoted),
            *risked,
        ),
    )


def _close(
    context: Context,
    source: Session,
    catalog: Catalog,
    rules: Rules,
    decided: _Decided,
    progress: Progress,
    *,
    trace: bool,
) -> Subset:
    if context.settings.strategy == "clone":
        check_conditions(source, catalog, rules)
        whole = frozenset(catalog.leaves) - rules.empty - rules.skip
        return _subset(context, catalog, rules, decided, Closure.nothing(), whole=whole)
    closure, gone = choose(context, source, catalog, rules, progress, trace=trace)
    return _subset(context, catalog, rules, decided, closure, going=gone)


def _subset(
    context: Context,
    catalog: Catalog,
    rules: Rules,
    decided: _Decided,
    closure: Closure,
    *,
    whole: frozenset[TableName] = frozenset(),
    going: Going | None = None,
) -> Subset:
    return Subset(
        catalog,
        decided.policy,
        closure,
        rules.keep,
        rules.skip,
        decided.nulled,
        grants=context.settings.grants,
        going=going,
        large_objects=context.settings.large_objects == "keep",
        disarm=context.settings.disarm,
        acknowledged=decided.acknowledged,
        whole=whole,
    )


def _policy(
    context: Context, catalog: Catalog, rules: Rules, source: Session
) -> tuple[Policy, tuple[str, ...]]:
    settings = context.settings
    policy = decide(catalog, rules, settings, context.registry, context.keys)
    if not settings.real:
        return policy, ()
    values, told = real_values(source, catalog, policy, settings.real, context.name)
    return decide(catalog, rules, settings, context.registry, context.keys, values), told


def _too_long(minutes: float, most: float) -> Iterable[PenstockError]:
    if minutes > most:
        yield SourceRefused(
            f"the copy would hold a snapshot of the source for about {minutes:,.0f} minutes",
            why="vacuum cannot remove dead rows for that long",
            hint=f"copy less, use a standby, or raise max_snapshot_minutes (now {most:g}) in penstock.toml",
        )

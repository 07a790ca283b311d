"""Which rows a section chooses: its rules, looked up in a catalog, followed through one snapshot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from penstock.catalog.model import Catalog
from penstock.devdb.closure import Closure, EdgeRule, RootRule, compute
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.written import check_condition, user_search_path
from penstock.devdb.context import Context
from penstock.devdb.planning.going import Going, going
from penstock.devdb.planning.prune_settings import require_own_settings
from penstock.devdb.planning.rules import Rules, look_up
from penstock.devdb.progress import Progress
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError


def rules_of(context: Context, catalog: Catalog) -> Rules:
    """The rules of the section. Raises `UnknownName` and `ConfigError` for those that cannot be followed."""
    rules = look_up(catalog, context.settings, context.name)
    strategy = context.settings.strategy
    require_own_settings(context.settings, context.name)
    if strategy == "prune" and rules.roots:
        return dataclasses.replace(rules, keep=rules.keep | rules.protect)
    if strategy == "prune" and rules.deletes:
        return rules
    if strategy == "clone":
        _refuse_roots(context, rules)
    elif strategy == "prune" or (not rules.roots and not rules.keep):
        table = next(iter(map(str, catalog.leaves)), "schema.table")
        raise ConfigError(
            f"[devdb.{context.name}] has no root: nothing would be copied",
            hint=f'add to penstock.toml:\n[[devdb.{context.name}.root]]\ntable = "{table}"\nlimit = 100',
        )
    return rules


def _refuse_roots(context: Context, rules: Rules) -> None:
    if rules.roots:
        raise ConfigError(
            f"[devdb.{context.name}] has a root, and its strategy is clone",
            why="a clone has every row of every table but those in `empty` and `skip`",
            hint='strategy = "subset" takes what the roots need; for a clone, remove [[devdb.'
            f"{context.name}.root]]",
        )


def rows_in(context: Context, session: Session, progress: Progress) -> tuple[Catalog, Closure, Going]:
    """What a prune leaves of the database the session has its snapshot of, and what goes."""
    catalog = reflect(session)
    closure, gone = choose(context, session, catalog, rules_of(context, catalog), progress, trace=False)
    if gone is None:
        raise ValueError("only a prune takes rows")
    return catalog, closure, gone


def choose(
    context: Context,
    source: Session,
    catalog: Catalog,
    rules: Rules,
    progress: Progress,
    *,
    trace: bool,
) -> tuple[Closure, Going | None]:
    """The rows that stay, and what goes where it is a prune."""
    progress.start("closure")
    check_conditions(source, catalog, rules)
    roots = [RootRule(table, r.where, r.limit, r.percent, r.order_by) for table, r in rules.roots]
    closure = (
        close(context, source, catalog, rules, roots, progress, trace=trace)
        if roots or not rules.deletes
        else None
    )
    gone = None
    if closure is None or context.settings.strategy == "prune":
        told = _closure_progress(progress)
        closure, gone = going(source, catalog, rules, closure, trace=trace, progress=told)
    progress.finish("closure")
    return closure, gone


def check_conditions(source: Session, catalog: Catalog, rules: Rules) -> None:
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
    budget: MemoryBudget | None = None,
) -> Closure:
    """The closure of these roots and the kept tables, under the edges of the rules. `budget`: see `compute`."""
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
        budget=budget,
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

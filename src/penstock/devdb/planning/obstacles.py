"""Which constraints the copy could not hold: references that are cut but allow no NULL, keys that would merge, masks that
do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from penstock.catalog.graph import Edge
from penstock.catalog.model import MANIFEST, Catalog, Table, TableName, quote_identifier
from penstock.devdb.planning.rules import Rules
from penstock.engines.postgres.session import Session
from penstock.errors import ContractBroken, PenstockError, Refused, SourceRefused
from penstock.policy.decision import Policy

_TELLS_NULL = re.compile(r"\bIS (NOT )?(NULL|DISTINCT)\b|\bnum_(non)?nulls\b|\bCOALESCE\b", re.IGNORECASE)


def cut_columns(
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
        columns = columns_to_cut(catalog, rules, edge)
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


def columns_to_cut(catalog: Catalog, rules: Rules, edge: Edge) -> tuple[str, ...]:
    """The columns whose NULL ends the reference; none where it allows no NULL, or has no columns."""
    return (
        _nullable(catalog.tables[edge.child], edge, _shared_columns(rules, edge))
        if edge.child_columns
        else ()
    )


def checks_at_risk(catalog: Catalog, nulled: Mapping[TableName, frozenset[str]]) -> Iterable[str]:
    """A warning for each CHECK that tells NULL from other values, of a column that becomes NULL. Most hold for NULL."""
    for table in catalog:
        for check in table.checks:
            ended = nulled.get(catalog.root_of(table.name), frozenset()).intersection(check.columns)
            if ended and check.validated and not check.inherited and _TELLS_NULL.search(check.definition):
                yield (
                    f"{table.name}.{min(ended)} becomes NULL, and the CHECK {check.name} may not hold then: where it does not, "
                    "`create` fails"
                )


def in_the_way_of_the_manifest(catalog: Catalog, rules: Rules) -> Iterable[PenstockError]:
    """The source's own table or view where every copy keeps its manifest. The rest of that schema is copied like any."""
    if MANIFEST in catalog.tables and MANIFEST not in rules.skip:
        yield SourceRefused(
            f"the source has a {MANIFEST} of its own",
            why="Penstock keeps the manifest of a copy in a table of that name",
            hint=f"rename it in the source, or put {MANIFEST} in `skip` if it is a table",
        )


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


def policy_errors(policy: Policy, name: str) -> Iterable[PenstockError]:
    """What speaks against the decisions of [devdb.NAME]."""
    try:
        policy.require(f"penstock masks check --for {name}")
    except Refused as error:
        yield error


def merges(source: Session, policy: Policy) -> Iterable[PenstockError]:
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

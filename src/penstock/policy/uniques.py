"""Unique keys under masks: single, composite, partial, on expressions, NULLS NOT DISTINCT, and exclusion constraints.

A key stays unique if every masked column of it is masked injectively, or so nearly that a collision among the
table's rows is improbable. One lossy column may break it, unless a smaller key that survives is contained in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pyarrow as pa

from penstock.catalog.model import Catalog, ColumnName, Table, UniqueKey, quote_identifier
from penstock.masks.contract import Codomain, Mask, Uniqueness
from penstock.policy.checks import CheckEvaluator, masked_samples, nulls_stay, parse
from penstock.policy.decision import Decision, Notice, Violation
from penstock.policy.samples import sample_array

COLLISION_PROBABILITY = 1e-3  # beyond it a mask is not unique enough for a key
_ROWS_OF_EMPTY_TABLE = 1_000.0
_ROW_BYTES = 100  # of a table that was never analysed


def unique_findings(
    catalog: Catalog, at: ColumnName, decisions: Mapping[ColumnName, Decision], evaluator: CheckEvaluator
) -> Iterator[Violation | Notice]:
    """What the mask of the column `at` does to the unique keys it is part of."""
    table, mask = catalog.tables[at.table], decisions[at].mask
    if mask is None:
        return
    rows = row_estimate(catalog, table)
    for key in table.all_keys:
        if key.exclusion:
            if at.column in (*key.columns, *key.expression_columns):
                yield from _exclusion(at, key, mask, rows)
        elif at.column in (*key.columns, *key.expression_columns):
            yield from _unique(at, table, key, mask, decisions, rows, evaluator)
        if (
            key.predicate
            and at.column in key.predicate_columns
            and not _predicate_is_safe(key, at, mask, evaluator)
        ):
            yield Notice(at, f"the condition of {key.name} reads it: masked rows may enter that unique index")


def row_estimate(catalog: Catalog, table: Table) -> float:
    """The planner's estimate of the rows of a table with all its partitions.

    By its size where it was never analysed, and a thousand where it is empty: schemas are checked before they are
    filled, too.
    """
    leaves = [catalog.tables[name] for name in catalog.leaves[table.name]]
    rows = sum(leaf.row_estimate or leaf.heap_bytes / _ROW_BYTES for leaf in leaves)
    return rows or _ROWS_OF_EMPTY_TABLE


def stays_distinct(mask: Mask, rows: float) -> bool:
    """Whether `rows` distinct values stay distinct under the mask. Birthday bound: n² / 2^(bits + 1)."""
    contract = mask.contract()
    match contract.uniqueness:
        case Uniqueness.INJECTIVE:
            return True
        case Uniqueness.LIKELY:
            return float(rows**2 / 2.0 ** (contract.collision_bits + 1)) <= COLLISION_PROBABILITY
        case Uniqueness.LOSSY:
            return False


def _unique(
    at: ColumnName,
    table: Table,
    key: UniqueKey,
    mask: Mask,
    decisions: Mapping[ColumnName, Decision],
    rows: float,
    evaluator: CheckEvaluator,
) -> Iterator[Violation | Notice]:
    contract = mask.contract()
    only_null = contract.makes_null and contract.codomain is Codomain.CONSTANT
    if only_null and not key.primary and not key.nulls_not_distinct:
        return  # NULLs are distinct
    kind = "primary key" if key.primary else "unique key"
    if not stays_distinct(mask, rows):
        if not _contains_safe_key(table, key, decisions, rows):
            why = (
                f"{contract.collision_bits} bits do not tell {rows:,.0f} rows apart"
                if contract.uniqueness is Uniqueness.LIKELY
                else f"the mask {mask.name!r} gives several values one pseudonym"
            )
            yield Violation(at, key.name, f"the {kind} {key.name} would break: {why}", mask=mask.name)
        return
    for expression in key.expressions:
        distinct = _expression_stays_distinct(expression, at.column, mask, evaluator)
        if distinct is False:
            text = f"the {kind} {key.name} would break: masked values are not distinct under its expression"
            yield Violation(at, key.name, text, mask=mask.name)
        elif distinct is None:
            yield Notice(at, f"whether the {kind} {key.name} holds for masked values shows only in the copy")


def _contains_safe_key(
    table: Table, key: UniqueKey, decisions: Mapping[ColumnName, Decision], rows: float
) -> bool:
    """Whether another key of the table, contained in this one, survives: then this one does too."""

    def safe(column: str) -> bool:
        decision = decisions.get(ColumnName(table.name, column))
        return decision is not None and decision.mask is not None and stays_distinct(decision.mask, rows)

    for other in table.all_keys:
        if other is key or not other.is_plain or not set(other.columns) <= set(key.columns):
            continue
        nulls_agree = not key.nulls_not_distinct or all(not table.column(c).nullable for c in other.columns)
        if nulls_agree and all(safe(column) for column in other.columns):
            return True
    return False


def _expression_stays_distinct(
    expression: str, column: str, mask: Mask, evaluator: CheckEvaluator
) -> bool | None:
    """Whether inputs that are distinct under an index's expression are so when masked, on made-up inputs."""
    from sqlglot import exp  # see penstock.policy.checks

    tree = parse(expression)
    if tree is None or all(node.name != column for node in tree.find_all(exp.Column)):
        return True if tree is not None else None
    inputs = sample_array(mask.site)
    before = evaluator.evaluate(expression, column, mask.site.family, inputs)
    if before is None:
        return None
    first = {result: i for i, result in reversed(list(enumerate(before))) if result is not None}
    masked = masked_samples(mask, inputs.take(pa.array(sorted(first.values()), type=pa.int64())))
    if masked is None:
        return None
    after = evaluator.evaluate(expression, column, mask.site.family, masked)
    return None if after is None else len(set(after)) == len(after)


def _predicate_is_safe(key: UniqueKey, at: ColumnName, mask: Mask, evaluator: CheckEvaluator) -> bool:
    """Whether masking leaves the rows of a partial index the same, or fewer."""
    from sqlglot import exp

    tree = parse(key.predicate or "")
    if tree is None:
        return False
    own = [node for node in tree.find_all(exp.Column) if node.name == at.column]
    if all(isinstance(n.parent, exp.Is) and isinstance(n.parent.expression, exp.Null) for n in own):
        return nulls_stay(mask)
    masked = masked_samples(mask, sample_array(mask.site))
    if masked is None or key.predicate_columns != (at.column,):
        return False
    results = evaluator.evaluate(key.predicate or "", at.column, mask.site.family, masked)
    return results is not None and all(result != "true" for result in results)


def _exclusion(at: ColumnName, key: UniqueKey, mask: Mask, rows: float) -> Iterator[Violation]:
    """A column compared with = is as in a unique key; one compared otherwise (&&) cannot be masked safely."""
    name = re.escape(at.column) + "|" + re.escape(quote_identifier(at.column))
    compared = re.findall(rf"(?:^|[(, ])(?:{name})(?: [\w.\"]+)? WITH (\S+?)[,)]", key.definition)
    if compared == ["="] and stays_distinct(mask, rows):
        return
    text = f"the exclusion constraint {key.name} compares its values, and masked ones may exclude each other"
    yield Violation(at, key.name, text, mask=mask.name)

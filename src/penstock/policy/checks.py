"""CHECK constraints, domains' CHECKs and expressions of indexes, tried on what a mask makes of made-up inputs.

No masked value may travel to the source inside a statement, so the condition is translated (sqlglot) and evaluated here
(DuckDB, no access to files). Inputs are made up, plus the literals of the condition itself; those that satisfy the
condition are masked, and their masks must satisfy it too. What cannot be translated, or depends on other columns, is
a notice in the plan: the constraint itself decides when it is put on the finished copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from penstock.catalog.model import Column, ColumnName, Table
from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.contract import Codomain, Mask, Site
from penstock.policy.classes import length_limit
from penstock.policy.decision import Decision, Notice, Violation
from penstock.policy.pattern_samples import matching
from penstock.policy.samples import sample_array

# DuckDB and sqlglot are imported where a condition has to be read: they take as long as half of the program's start, which
# every command and every worker would pay.
if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

_DUCKDB_TYPE: Mapping[Family, str] = {
    Family.TEXT: "VARCHAR",
    Family.INTEGER: "BIGINT",
    Family.NUMERIC: "DOUBLE",
    Family.DATE: "DATE",
    Family.TIMESTAMP: "TIMESTAMP",
    Family.UUID: "UUID",
    Family.BOOLEAN: "BOOLEAN",
}
_PLACE = "penstock_value"
_KEEP_SAMPLES = 300
_LONGEST_SAMPLE = 4096  # characters


class CheckEvaluator:
    """Evaluates expressions over one column. Remembers translations; close it (it is a context manager)."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._translated: dict[tuple[str, str], str | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def evaluate(
        self, expression: str, column: str, family: Family, values: pa.Array
    ) -> list[str | None] | None:
        """`expression` (PostgreSQL, over `column` alone) for each value, as text; None where it cannot be told."""
        declared = _DUCKDB_TYPE.get(family)
        translated = self._translate(expression, column)
        if declared is None or translated is None:
            return None
        import duckdb

        if self._connection is None:
            self._connection = duckdb.connect(
                ":memory:", config={"enable_external_access": "false", "threads": "1"}
            )
        table = pa.table({"v": values, "i": pa.array(range(len(values)))})
        try:
            self._connection.register("samples", table)
            rows = self._connection.execute(
                f"SELECT CAST(({translated}) AS VARCHAR) "
                f"FROM (SELECT i, CAST(v AS {declared}) AS {_PLACE} FROM samples) ORDER BY i"
            ).fetchall()
        except duckdb.Error:
            return None
        return [row[0] for row in rows]

    def _translate(self, expression: str, column: str) -> str | None:
        known = (expression, column)
        if known not in self._translated:
            self._translated[known] = _translate(expression, column)
        return self._translated[known]


def _translate(expression: str, column: str) -> str | None:
    import sqlglot
    from sqlglot import exp

    tree = parse(expression)
    if tree is None:
        return None
    for node in list(tree.find_all(exp.Column)):
        if node.name != column and not (column == "VALUE" and node.name.upper() == "VALUE"):
            return None
        node.replace(exp.column(_PLACE))
    try:
        return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.SqlglotError:
        return None


def parse(expression: str) -> exp.Expr | None:
    """The tree of a PostgreSQL expression, casts to types we cannot name taken away; None where it does not parse."""
    import sqlglot

    try:
        tree = sqlglot.parse_one(expression, read="postgres")
    except sqlglot.errors.SqlglotError:
        return None
    return tree.transform(_without_foreign_casts)


def _without_foreign_casts(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.Cast):
        target = node.to
        if target.this in exp.DataType.TEXT_TYPES or target.this is exp.DataType.Type.USERDEFINED:
            if isinstance(node.this, exp.Column | exp.Literal | exp.Paren):
                return node.this
            return exp.cast(node.this, "text")
        if target.this is exp.DataType.Type.ARRAY and isinstance(node.this, exp.Array | exp.Paren):
            return node.this
    return node


def condition_of(definition: str) -> str:
    """The condition inside `CHECK (…)` as pg_get_constraintdef prints it."""
    body = re.sub(r"( NO INHERIT| NOT VALID| NOT ENFORCED)+$", "", definition.strip())
    return body.removeprefix("CHECK").strip()


def check_findings(
    table: Table,
    column: Column,
    mask: Mask,
    decisions: Mapping[ColumnName, Decision],
    evaluator: CheckEvaluator,
) -> Iterator[Violation | Notice]:
    """The CHECKs of the table and of the column's domain that the mask would break, or that cannot be decided."""
    at = ColumnName(table.name, column.name)
    for definition in column.type.domain_checks:
        if (limit := length_limit(definition)) is not None:
            yield from _length(at, f"domain {column.type.name}", limit, mask)
            continue
        yield from _check(
            at, f"domain {column.type.name}", condition_of(definition), "VALUE", mask, evaluator
        )
    for check in table.checks:
        if column.name not in check.columns or not check.validated:
            continue
        if (limit := length_limit(check.definition)) is not None:
            yield from _length(at, check.name, limit, mask)
            continue
        condition = condition_of(check.definition)
        if len(check.columns) == 1:
            yield from _check(at, check.name, condition, column.name, mask, evaluator)
        elif not (_only_tests_null(condition, column.name) and nulls_stay(mask)):
            others = [
                d
                for n in check.columns
                if n != column.name
                if (d := decisions.get(ColumnName(table.name, n)))
            ]
            if at == min([at, *(d.column for d in others if not d.keeps)]):  # say it once
                yield Notice(
                    at, f"whether the mask {mask.name!r} satisfies {check.name} depends on other columns"
                )


def _length(at: ColumnName, constraint: str, limit: int, mask: Mask) -> Iterator[Violation]:
    """What a CHECK of at most `limit` characters says to the mask; the commonest CHECK needs no samples."""
    contract = mask.contract()
    if not contract.keeps_length and (contract.max_length is None or contract.max_length > limit):
        longest = (
            "longer values" if contract.max_length is None else f"up to {contract.max_length} characters"
        )
        text = f"{constraint} allows {limit} characters, and the mask {mask.name!r} may write {longest}"
        yield Violation(at, constraint, text, mask=mask.name)


def nulls_stay(mask: Mask) -> bool:
    """Whether the mask writes NULL exactly where it read NULL."""
    contract = mask.contract()
    return contract.keeps_null and not contract.makes_null


def _only_tests_null(condition: str, column: str) -> bool:
    """Whether the column occurs in the condition only as `column IS [NOT] NULL`."""
    from sqlglot import exp

    tree = parse(condition)
    if tree is None:
        return False
    occurrences = [node for node in tree.find_all(exp.Column) if node.name == column]
    return all(
        isinstance(node.parent, exp.Is) and isinstance(node.parent.expression, exp.Null)
        for node in occurrences
    )


def _check(
    at: ColumnName,
    constraint: str,
    condition: str,
    variable: str,
    mask: Mask,
    evaluator: CheckEvaluator,
) -> Iterator[Violation | Notice]:
    if _only_tests_null(condition, variable) and nulls_stay(mask):
        return
    fits = fits_condition(condition, variable, mask, evaluator)
    if fits is False:
        text = f"values masked by {mask.name!r} do not satisfy {constraint}"
        yield Violation(at, constraint, text, mask=mask.name)
    elif fits is None:
        yield Notice(
            at, f"whether values masked by {mask.name!r} satisfy {constraint} shows only in the copy"
        )


def fits_condition(condition: str, variable: str, mask: Mask, evaluator: CheckEvaluator) -> bool | None:
    """Whether masked values satisfy a condition over one column; None where it cannot be told beforehand."""
    site = mask.site
    inputs = sample_array(site, also=literals(condition, site))
    before = evaluator.evaluate(condition, variable, site.family, inputs)
    if before is None:
        return None
    valid = pa.array([result == "true" for result in before])
    kept = inputs.filter(valid)
    if len(kept) == 0:
        # No made-up value satisfies it. A mask that keeps the format of real values may; one that does not cannot.
        if mask.contract().keeps_format or mask.contract().codomain is Codomain.CONSTANT:
            return None
        kept = inputs
    masked = masked_samples(mask, kept.slice(0, _KEEP_SAMPLES))
    if masked is None:
        return None
    after = evaluator.evaluate(condition, variable, site.family, masked)
    return None if after is None else all(result != "false" for result in after)


def masked_samples(mask: Mask, values: pa.Array) -> pa.Array | None:
    """What the mask makes of made-up values; None for masks that need the rest of the row."""
    if not mask.context_free or mask.inputs():
        return None
    try:
        return mask.mask(values)
    except MaskError:
        return None


def literals(condition: str, site: Site) -> tuple[str, ...]:
    """The literals of a condition that a column of the site's family could hold, and strings that match its patterns
    or have the lengths it may ask for."""
    from sqlglot import exp

    tree = parse(condition)
    if tree is None:
        return ()
    found = [node.name for node in tree.find_all(exp.Literal)]
    if site.family is Family.TEXT:
        for node in tree.find_all(exp.RegexpLike):
            found += matching(node.expression.name)
        lengths = [int(n.name) for n in tree.find_all(exp.Literal) if not n.is_string and n.name.isdecimal()]
        found += ["a" * length for length in lengths if length <= _LONGEST_SAMPLE]
        return tuple(text for text in found if len(text) <= (site.max_length or len(text)))
    if site.family is Family.INTEGER:
        low, high = site.minimum or -(2**63), site.maximum or 2**63 - 1
        return tuple(text for text in found if re.fullmatch(r"-?\d{1,18}", text) and low <= int(text) <= high)
    return ()

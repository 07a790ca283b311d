"""Rows that stay real: the staff allow-list.

A row is kept real by keeping its *values* real, per domain, so that every table that holds the value agrees. The
price is that a value others share (a first name) stays real for them too, which the manifest counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from penstock.catalog.model import Catalog, ColumnName, quote_identifier
from penstock.devdb.closure.written import check_condition, sql_of, user_search_path
from penstock.devdb.config import RealSettings
from penstock.devdb.planning.names import find_table
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError
from penstock.policy.decision import Policy

_MOST_ROWS = 10_000  # an allow-list is for staff; more than this is a mistake in the condition


def real_values(
    source: Session, catalog: Catalog, policy: Policy, rules: Iterable[RealSettings], name: str
) -> tuple[Mapping[ColumnName, frozenset[str]], tuple[str, ...]]:
    """The values that stay real, per masked column, and a line per rule for the manifest.

    Raises `ConfigError` when a rule matches implausibly many rows, `QueryError` for a broken condition.
    """
    found: dict[ColumnName, set[str]] = defaultdict(set)
    told = []
    for rule in rules:
        table = find_table(catalog, rule.table, f"devdb.{name}.real")
        masked = [c for c, d in policy.of(table).items() if d.mask is not None and not d.keeps]
        columns = ", ".join(f"{quote_identifier(c)}::text" for c in masked)
        query = f"SELECT {columns} FROM {table.sql}"
        whose, doing = (
            f"`where` of [devdb.{name}.real] {table}",
            f"reading the rows of {table} that stay real",
        )
        with user_search_path(source, catalog, table.schema):
            check_condition(source, query, rule.where, whose, doing)
            with sql_of(whose):
                rows = source.fetch(f"{query} WHERE ({rule.where}\n) LIMIT {_MOST_ROWS + 1}", doing=doing)
        if len(rows) > _MOST_ROWS:
            raise ConfigError(
                f"[devdb.{name}.real] keeps more than {_MOST_ROWS:,} rows of {table} real",
                hint="narrow its condition: it is meant for staff",
            )
        for row in rows:
            for column, value in zip(masked, row.values(), strict=True):
                if value is not None:
                    found[ColumnName(table, column)].add(value)
        told.append(f"{table}: {len(rows)} rows stay real ({rule.where})")
    return {column: frozenset(values) for column, values in found.items()}, tuple(told)

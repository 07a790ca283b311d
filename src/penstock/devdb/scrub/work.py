"""What a scrub does, decided while the originals are untouched, and decided the same way by a run that goes on.

A run that goes on finds some foreign keys and triggers gone; what was remembered of them is put back into its picture of
the catalog, so that key classes, and with them the masks, are what they were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock._version import __version__
from penstock.catalog.model import Catalog, ColumnName, ForeignKey, Table, TableName
from penstock.devdb.config import DevdbSettings
from penstock.devdb.planning.deciding import decide as decide_columns
from penstock.devdb.planning.forecast import column_plans
from penstock.devdb.planning.obstacles import cut_columns, merges
from penstock.devdb.planning.plan import Plan, TablePlan, settings_as_dict
from penstock.devdb.planning.quoted import acknowledged_texts
from penstock.devdb.planning.readable import require_readable
from penstock.devdb.planning.real import real_values
from penstock.devdb.planning.rules import Rules, look_up
from penstock.devdb.scrub.state import ASIDE, STATE
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError
from penstock.masks.keys import Keyring
from penstock.policy.decision import Policy
from penstock.policy.registry_file import Registry
from penstock.proof.relations import catalog_texts

_NOTHING = (
    "no column is masked and no table emptied: every row stays as it is, and the database is only disarmed"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the project decides the masks. `name` is the `[devdb.NAME]` whose rules were asked for, or the connection."""

    project: str
    name: str
    settings: DevdbSettings
    keys: Keyring
    registry: Registry
    check: str  # the command that lists all violations


@dataclass(frozen=True, slots=True)
class Work:
    """Every decision. Tables are logical ones: a partition root stands for its partitions."""

    catalog: Catalog  # as it was before the scrub
    rules: Rules
    policy: Policy
    nulled: Mapping[TableName, frozenset[str]]
    rewritten: tuple[TableName, ...]
    emptied: tuple[TableName, ...]
    acknowledged: frozenset[ColumnName | str]
    real: tuple[str, ...]
    real_values: Mapping[ColumnName, frozenset[str]]
    warnings: tuple[str, ...]

    @property
    def touched(self) -> tuple[TableName, ...]:
        return (*self.rewritten, *self.emptied)

    def tree(self, names: Iterable[TableName]) -> list[Table]:
        """These tables with everything below them."""
        wanted = set(names)
        return [t for t in self.catalog if t.kind != "foreign" and self.catalog.root_of(t.name) in wanted]


def catalog_of(session: Session, detached: Mapping[str, Any] | None) -> Catalog:
    """The catalog as it was before the scrub."""
    found = reflect(session)
    tables = {name: table for name, table in found.tables.items() if name.schema != ASIDE and name != STATE}
    if detached is not None:
        off = {(t["schema"], t["table"], t["name"]) for t in detached["triggers"]}
        for key in map(_foreign_key, detached["edges"]):
            table = tables.get(key.table)
            if (
                table is not None
                and _may_be(key, tables)
                and all(k.name != key.name for k in table.foreign_keys)
            ):
                tables[key.table] = dataclasses.replace(table, foreign_keys=(*table.foreign_keys, key))
        for name, table in tables.items():
            triggers = tuple(
                dataclasses.replace(t, enabled=True) if (*name, t.name) in off else t for t in table.triggers
            )
            tables[name] = dataclasses.replace(table, triggers=triggers)
    return dataclasses.replace(found, tables=tables)


def _may_be(key: ForeignKey, tables: Mapping[TableName, Table]) -> bool:
    """Whether its columns are there: somebody may have dropped them after a finding."""
    sides = ((key.table, key.columns), (key.referenced_table, key.referenced_columns))
    return all(
        name in tables and {*columns} <= {c.name for c in tables[name].columns} for name, columns in sides
    )


def edges_of(work: Work) -> list[dict[str, Any]]:
    """The foreign keys that are detached, as `catalog_of` puts them back into its picture."""
    touched = set(work.touched)
    return [
        dataclasses.asdict(key)
        for table in work.catalog
        for key in table.foreign_keys
        if {work.catalog.root_of(key.table), work.catalog.root_of(key.referenced_table)} & touched
    ]


def _foreign_key(document: Mapping[str, Any]) -> ForeignKey:
    names = ("table", "referenced_table")
    fields: dict[str, Any] = {
        field: TableName(*value) if field in names else tuple(value) if isinstance(value, list) else value
        for field, value in document.items()
    }
    return ForeignKey(**fields)


def decide(
    session: Session,
    wish: Wish,
    detached: Mapping[str, Any] | None,
    real: Mapping[ColumnName, frozenset[str]] | None,
    told: tuple[str, ...] = (),
    also: frozenset[TableName] = frozenset(),
) -> Work:
    """Raise what speaks against it, or say what is done. With `real` (of the first run) nothing is asked of the rows:
    they may be masked by now. `also`: tables that are set aside, and so filled again in any case."""
    catalog = catalog_of(session, detached)
    rules = look_up(catalog, wish.settings, wish.name)

    def policy_with(values: Mapping[ColumnName, frozenset[str]]) -> Policy:
        return decide_columns(catalog, rules, wish.settings, wish.registry, wish.keys, values)

    first = real is None
    policy = policy_with(real or {})
    if first and wish.settings.real:
        real, told = real_values(session, catalog, policy, wish.settings.real, wish.name)
        policy = policy_with(real)
    policy.require(wish.check)
    nulled, blocked = cut_columns(catalog, rules)
    _raise_first(blocked)
    require_readable(session, catalog, rules, in_place=True)
    texts = catalog_texts(session)
    where = f"devdb.{wish.name}.acknowledged"
    acknowledged = rules.acknowledged | acknowledged_texts(rules.acknowledged_texts, texts, where)
    if first:
        _raise_first(merges(session, policy))
    left_out = rules.empty | rules.skip
    rewritten = {n for n in catalog.leaves if n in also or _changes(policy, nulled, n)} - left_out
    nothing = () if rewritten or left_out else (_NOTHING,)
    return Work(
        catalog,
        rules,
        policy,
        nulled,
        tuple(sorted(rewritten)),
        tuple(sorted(n for n in catalog.leaves if n in left_out)),
        acknowledged,
        told,
        real or {},
        (*nothing, *_reaching_elsewhere(catalog), *map(str, policy.notices)),
    )


def _changes(policy: Policy, nulled: Mapping[TableName, frozenset[str]], name: TableName) -> bool:
    """Whether any value of the table may be another one afterwards."""
    return bool(nulled.get(name)) or any(not d.keeps for d in policy.of(name).values())


def _raise_first(errors: Iterable[PenstockError]) -> None:
    for error in errors:
        raise error


def _reaching_elsewhere(catalog: Catalog) -> Iterable[str]:
    for table in catalog:
        if table.kind == "foreign":
            yield f"{table.name} is a foreign table: it shows what another server holds, which no scrub masks"


def plan_of(work: Work, wish: Wish, source: str, target: str, rows: Mapping[TableName, int]) -> Plan:
    """The work as a plan, for its rules' hash and for the manifest."""
    roles = {**dict.fromkeys(work.rewritten, "subset"), **dict.fromkeys(work.emptied, "empty")}
    return Plan(
        name=wish.name,
        source=source,
        target=target,
        database=work.catalog.facts.name,
        made_at="",
        settings={**settings_as_dict(wish.settings), "penstock": __version__},
        key_fingerprint=wish.keys.fingerprint,
        tables=tuple(
            TablePlan(str(n), roles.get(n, "keep"), rows.get(n, 0), 0, None, 0) for n in work.catalog.leaves
        ),
        columns=tuple(column_plans(work.policy)),
        edges=(),
        nulled=tuple(sorted(str(ColumnName(t, c)) for t, columns in work.nulled.items() for c in columns)),
        real=work.real,
        warnings=work.warnings,
    )

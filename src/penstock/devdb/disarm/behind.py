"""Everything that stays behind or is switched off in one copy, found once and used everywhere: by the plan, which tells it,
by the build, which does it, and by the verification, which expects it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from penstock.catalog.model import Catalog, ObjectAddress, Rule, Table, TableName
from penstock.devdb.disarm.expressions import evaluated
from penstock.devdb.disarm.extensions import dependents, left_out_extensions, members_of, required
from penstock.devdb.disarm.left_out import LeftOut, addresses, armed_foreign_tables, never_copied
from penstock.devdb.disarm.outward import Armed, armed
from penstock.devdb.disarm.reaching import empty_views
from penstock.devdb.disarm.relations import left_out_tables
from penstock.devdb.disarm.secrets import rules_with_secrets
from penstock.devdb.disarm.uncarried import uncarried
from penstock.devdb.planning.subset import Subset
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, SourceRefused


@dataclass(frozen=True, slots=True)
class Behind:
    """What a copy does not have of its source, or has switched off."""

    extensions: frozenset[str]
    members: frozenset[TableName]  # relations and types of these extensions
    relations: Mapping[TableName, LeftOut]  # tables and views, not even in structure
    identities: frozenset[ObjectAddress]  # (catalog oid, oid) of functions, triggers and rules
    dropped_triggers: frozenset[tuple[TableName, str]]
    dropped_rules: frozenset[tuple[TableName, str]]
    silent: tuple[Armed, ...]  # triggers and rules
    unfilled: Mapping[
        TableName, str
    ]  # materialised views, with the reason; "" where the source's is not filled either
    told: tuple[LeftOut, ...]  # all of it, for people

    @property
    def disarmed_triggers(self) -> frozenset[tuple[TableName, str]]:
        """The triggers that must not fire in the copy."""
        return self.dropped_triggers | {(one.table, one.name) for one in self.silent if one.kind == "trigger"}

    @property
    def disarmed_rules(self) -> frozenset[tuple[TableName, str]]:
        """The rules that must not act in the copy."""
        return self.dropped_rules | {(one.table, one.name) for one in self.silent if one.kind == "rule"}


def offered_extensions(target: Session) -> frozenset[str]:
    """What the target's server could install."""
    return frozenset(
        row["name"] for row in target.fetch("SELECT name FROM pg_catalog.pg_available_extensions")
    )


def reasons_against(
    source: Session, subset: Subset, offered: Collection[str] | None
) -> Iterator[PenstockError]:
    """Tables that stand on an extension that is left out, or call out while they are filled. `offered`: None where the
    target is not known yet."""
    gone = left_out_extensions(subset.catalog, offered, disarm=subset.disarm)
    yield from required(source, subset.catalog, subset.skip, gone)
    if subset.disarm:
        yield from evaluated(source, subset.catalog, subset.skip)
        refilling = {
            (c.table, d.rebuild_trigger) for c, d in subset.policy.decisions.items() if d.rebuild_trigger
        }
        for one in armed(source) if refilling else ():
            if (one.table, one.name) in refilling and subset.catalog.root_of(one.table) not in subset.skip:
                yield SourceRefused(
                    f"the {one.what} fills a column for each row that is copied, and calls out: {one.why}",
                    why="the copy would reach what production reaches while it is built",
                    hint=f"give the column another mask, put {one.table} in `skip`, or set disarm = false",
                )


def behind(source: Session, subset: Subset, offered: Collection[str] | None) -> Behind:
    """What stays behind of `source`. `offered`: as above."""
    extensions = left_out_extensions(subset.catalog, offered, disarm=subset.disarm)
    standing = dependents(source, extensions)
    foreign = armed_foreign_tables(source) if subset.disarm else {}
    found = armed(source) if subset.disarm else ()
    rules = dict(_dropped_rules(subset.catalog, found))
    silent = tuple(
        one
        for one in found
        if (one.table, one.name) not in (standing.triggers if one.kind == "trigger" else rules)
    )
    unfilled = empty_views(source)
    gone = left_out_tables(source, subset.catalog, subset.skip, {**foreign, **standing.views})
    return Behind(
        frozenset(extensions),
        members_of(source, extensions),
        gone,
        standing.identities | {(_PG_REWRITE, rule.oid) for rule, _ in rules.values()},
        standing.triggers,
        frozenset(rules),
        silent,
        unfilled,
        (
            *never_copied(source, large_objects=subset.large_objects),
            *(LeftOut(f"extension {name}", why) for name, why in extensions.items()),
            *standing.others,
            *(addresses(source) if subset.disarm else ()),
            *_silenced(silent, subset),
            *(
                LeftOut(f"rule {rule.name} of {table}", why)
                for (table, _), (rule, why) in rules.items()
                if subset.catalog.root_of(table) not in gone
            ),
            *uncarried(source, subset.catalog, extensions),
            *(
                LeftOut(f"rows of the materialised view {name}", why)
                for name, why in unfilled.items()
                if why and name not in gone
            ),
            *invalid_indexes(t for t in subset.catalog if t.name not in gone and t.extension is None),
            *gone.values(),
        ),
    )


def _silenced(silent: Iterable[Armed], subset: Subset) -> Iterator[LeftOut]:
    for one in silent:
        if not one.cloned and subset.catalog.root_of(one.table) not in subset.skip:
            yield LeftOut(f"{one.what}, which is switched off", one.why)


def _dropped_rules(
    catalog: Catalog, found: Iterable[Armed]
) -> Iterator[tuple[tuple[TableName, str], tuple[Rule, str]]]:
    """Rules that are not restored, and why: of a view none can be switched off."""
    of = {(table.name, rule.name): rule for table in catalog for rule in table.rules}
    for one in found:
        if one.kind == "rule" and one.of_view:
            yield (one.table, one.name), (of[one.table, one.name], one.why)
    for name, rules in rules_with_secrets(catalog).items():
        for rule in rules:
            yield (name, rule.name), (rule, "it quotes a password or a token")


def invalid_indexes(tables: Iterable[Table]) -> Iterator[LeftOut]:
    """Those that `CREATE INDEX CONCURRENTLY` left unfinished."""
    for table in tables:
        for index in table.invalid_indexes:
            yield LeftOut(
                f"index {index.name} of {table.name}",
                "it is invalid, as CREATE INDEX CONCURRENTLY leaves one when it fails: no query uses it",
            )


_PG_REWRITE = 2618  # the oid of this catalog, the same on every server

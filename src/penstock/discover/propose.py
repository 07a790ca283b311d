"""From a catalog to proposals: for every open column that no foreign key settles, the heaviest judgement.

This first version reads names and types only, never a row. Proposals it is certain of go into `masks.toml` and are in
force; the others stay open. A proposal that would break a constraint is replaced by a mask that does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from penstock.catalog.model import Catalog, ColumnName
from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext, TableContext
from penstock.discover.identity import with_identity
from penstock.discover.proposal import Judgement, Proposal
from penstock.discover.rules import rules
from penstock.masks.keys import Keyring
from penstock.policy.classes import Edge, KeyClass, key_classes, logical_tables
from penstock.policy.decision import Violation
from penstock.policy.defaults import passes
from penstock.policy.registry_file import Line, Registry
from penstock.policy.resolve import resolve
from penstock.policy.search import search_trigger

BY = "discover"
_NO_TRIGGER = Judgement(
    "null", certain=False, evidence="it repeats words of other columns, and no trigger is known to refill it"
)
# A constraint's fit does not depend on the key, and discovery must work before there is one.
_ANY_KEY = Keyring(bytes(32))


@dataclass(frozen=True, slots=True)
class Discovery:
    """What `discover` found: proposals in the order of the schema."""

    proposals: tuple[Proposal, ...]

    @property
    def certain(self) -> tuple[Proposal, ...]:
        return tuple(p for p in self.proposals if p.judgement.certain)

    @property
    def open(self) -> tuple[Proposal, ...]:
        return tuple(p for p in self.proposals if not p.judgement.certain)

    def lines(self) -> tuple[Line, ...]:
        """The certain ones as lines for `masks.toml`."""
        return tuple(line_of(p) for p in self.certain)

    def questions(self) -> Mapping[ColumnName, str]:
        """The open ones as comments for `masks.toml`: a line to take over, and why it is a question."""
        return {p.column: f"{replace(line_of(p), by='').text}  # {p.judgement.evidence}" for p in self.open}


def line_of(proposal: Proposal) -> Line:
    return Line(proposal.column, proposal.judgement.mask, dict(proposal.judgement.options), by=BY)


def propose(
    catalog: Catalog, registry: Registry | None = None, virtual_edges: Iterable[Edge] = ()
) -> Discovery:
    """Proposals for what `registry` leaves open, one per key class, on its root."""
    registry = registry or Registry()
    edges = tuple(virtual_edges)
    classes = key_classes(catalog, edges)
    decided = {classes[line.column] for line in registry if line.column in classes}
    judged = judgements(catalog)
    proposals = []
    for table in logical_tables(catalog):
        for column in table.columns:
            name = ColumnName(table.name, column.name)
            key_class = classes[name]
            if key_class in decided:
                continue
            if column.type.family is Family.SEARCH and column.is_stored:
                if search_trigger(table, column.name) is None:
                    proposals.append(Proposal(name, "search", _NO_TRIGGER))
            elif name in judged and key_class.root == name:
                proposal = _of_class(key_class, judged)
                proposals.append(with_identity(catalog, proposal) if not key_class.is_shared else proposal)
    return Discovery(_that_hold(catalog, registry, edges, classes, proposals))


def judgements(catalog: Catalog) -> Mapping[ColumnName, tuple[str, Judgement]]:
    """The heaviest judgement of every stored column, and the rule it is from.

    tsvector columns have none: they follow the columns they are made of.
    """
    found = {}
    for table in logical_tables(catalog):
        context = TableContext(table)
        for column in table.stored_columns:
            if column.type.family is not Family.SEARCH:
                name = ColumnName(table.name, column.name)
                found[name] = judge(ColumnContext(name, column, context))
    return found


def judge(column: ColumnContext) -> tuple[str, Judgement]:
    """The heaviest judgement of a column, and the name of its rule."""
    said = [(rule, judgement) for rule, judge in rules().items() if (judgement := judge(column)) is not None]
    return max(said, key=lambda item: item[1].weight)


def proposed_lines(catalog: Catalog) -> Mapping[ColumnName, str]:
    """The line of masks.toml that each column's name and type suggest, whether certain or not."""
    return {
        name: replace(line_of(Proposal(name, rule, judgement)), by="").text
        for name, (rule, judgement) in judgements(catalog).items()
    }


def flagged(catalog: Catalog) -> Mapping[ColumnName, str]:
    """Columns that pass by their type but whose name speaks of a person, with what it says: `resolve(flagged=…)`."""
    found = {}
    for table in logical_tables(catalog):
        context = TableContext(table)
        for column in table.stored_columns:
            if passes(column, table):
                name = ColumnName(table.name, column.name)
                _, judgement = judge(ColumnContext(name, column, context))
                if judgement.is_personal or not judgement.certain:
                    found[name] = judgement.evidence
    return found


def _of_class(key_class: KeyClass, judged: Mapping[ColumnName, tuple[str, Judgement]]) -> Proposal:
    """The root's judgement, unless a member's name says that the values are personal."""
    rule, judgement = judged[key_class.root]
    if not judgement.is_personal:
        for name in key_class.members:
            if name in judged and judged[name][1].is_personal and judged[name][1].weight > judgement.weight:
                rule, judgement = judged[name]
    return Proposal(key_class.root, rule, judgement)


def _that_hold(
    catalog: Catalog,
    registry: Registry,
    edges: tuple[Edge, ...],
    classes: Mapping[ColumnName, KeyClass],
    proposals: list[Proposal],
) -> tuple[Proposal, ...]:
    """The proposals, with those that would break a constraint replaced by what would do, or opened."""
    lines = {p.column: line_of(p) for p in proposals if p.judgement.certain}
    policy = resolve(
        catalog,
        registry=Registry({**registry.lines, **lines}),
        keys=_ANY_KEY,
        virtual_edges=edges,
        unclassified="mask",
    )
    broken = {classes[v.column].root: v for v in reversed(policy.violations) if v.column in classes}
    return tuple(
        replace(p, judgement=_instead(p.judgement, broken[p.column]))
        if p.column in broken and p.judgement.certain and p.judgement.is_personal
        else p
        for p in proposals
    )


def _instead(judgement: Judgement, violation: Violation) -> Judgement:
    """The judgement with a mask that does not break what `violation` says; an open one where there is none."""
    evidence = f"{judgement.evidence}; {judgement.mask!r} would break {violation.constraint}"
    if not violation.suggestion:
        return replace(judgement, certain=False, evidence=evidence)
    return replace(judgement, mask=violation.suggestion, evidence=evidence, options={})

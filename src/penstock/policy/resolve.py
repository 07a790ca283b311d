"""`resolve`: masks.toml and a catalog make one decision per stored column.

Decisions are made per key class, never per column: a class has one line (or none), and its members inherit. What has
no line passes, refuses or is masked by its type; what has one is checked against every constraint it touches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from penstock.catalog.model import Catalog, Column, ColumnName, TableName
from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Mask, Site
from penstock.masks.keys import Keyring
from penstock.masks.parts.arrays import strings
from penstock.policy import defaults
from penstock.policy.classes import Edge, KeyClass, column_of, key_classes, logical_tables, site_of
from penstock.policy.contracts import Findings, broken_contracts, merges_of
from penstock.policy.decision import Decision, Merge, Notice, Origin, Policy, Undecided, Violation
from penstock.policy.identities import with_identities
from penstock.policy.recognised import agreed
from penstock.policy.registry_file import Line, Registry
from penstock.policy.search import decide_search_columns

Unclassified = Literal["refuse", "mask"]


@dataclass(slots=True)
class _Verdict:
    """What a class does, before masks are made."""

    spec: Mapping[str, Any]
    origin: Origin
    domain: str = ""
    line: Line | None = None
    reason: str = ""


@dataclass(slots=True)
class _Draft:
    """A policy under way."""

    decisions: dict[ColumnName, Decision] = field(default_factory=dict)
    undecided: list[Undecided] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def add(self, outcome: Decision | Undecided | Violation) -> None:
        match outcome:
            case Decision():
                self.decisions[outcome.column] = outcome
            case Undecided():
                self.undecided.append(outcome)
            case Violation():
                self.violations.append(outcome)


def resolve(
    catalog: Catalog,
    *,
    registry: Registry,
    keys: Keyring,
    virtual_edges: Iterable[Edge] = (),
    unclassified: Unclassified = "refuse",
    skip: Collection[TableName] = (),
    empty: Collection[TableName] = (),
    real: Mapping[ColumnName, frozenset[str]] | None = None,
    flagged: Mapping[ColumnName, str] | None = None,
) -> Policy:
    """The decision of every stored column of every logical table that is copied.

    `skip` and `empty` are tables whose rows do not leave. `real` are source
    values that stay as they are; they hold in the whole domain, so that children agree with parents, and inside JSON,
    arrays, composites and free text as well. `flagged` are columns that discovery suspects, with its reason: they
    refuse even where their type would pass.
    Nothing is raised for what is undecided or cannot stand: see `Policy.require`.
    """
    edges = tuple(virtual_edges)
    classes = key_classes(catalog, edges)
    left_out = frozenset((*skip, *empty))
    draft = _Draft()
    verdicts: dict[KeyClass, _Verdict] = {}
    for key_class in dict.fromkeys(classes.values()):
        verdict = _decide(catalog, key_class, classes, registry, unclassified, left_out, flagged or {}, draft)
        if verdict is not None:
            verdicts[key_class] = verdict
    made = _make_masks(catalog, verdicts, keys, draft)
    staying = _real_by_domain(made, real or {})
    known, disagreements = agreed(made, keys)
    draft.notices += disagreements
    if staying or known:
        everywhere = {c: replace(m.site, real=staying, agreed=known) for c, m in made.items()}
        made = {c: build(verdicts[c].spec, site, keys) for c, site in everywhere.items()}
    for key_class, mask in made.items():
        _settle(catalog, key_class, verdicts[key_class], mask, left_out, draft)
    for table in logical_tables(catalog):
        if table.name not in left_out:
            for outcome in decide_search_columns(
                catalog, table, registry, draft.decisions, keys, mask_unclassified=unclassified == "mask"
            ):
                draft.add(outcome)
    found = broken_contracts(catalog, classes, draft.decisions, keys)
    found = _mask_otherwise(catalog, classes, found, keys, draft)
    draft.decisions.update({d.column: d for d in with_identities(catalog, draft.decisions, keys)})
    draft.violations += _lines_on_generated_columns(catalog, registry)
    return Policy(
        catalog=catalog,
        decisions=_in_schema_order(catalog, draft.decisions),
        classes=classes,
        undecided=tuple(draft.undecided),
        violations=(*draft.violations, *found.violations),
        notices=(*draft.notices, *found.notices),
        stale=tuple(line for line in registry if not _exists(catalog, line.column)),
        merges=_merges(catalog, classes, draft.decisions),
        real=staying,
    )


def _mask_otherwise(
    catalog: Catalog, classes: Mapping[ColumnName, KeyClass], found: Findings, keys: Keyring, draft: _Draft
) -> Findings:
    """Where nobody decided and the usual mask of the type breaks a constraint, take the one that does not."""
    better: dict[KeyClass, Violation] = {}
    for violation in found.violations:
        if violation.suggestion and draft.decisions[violation.column].origin is Origin.UNCLASSIFIED:
            better.setdefault(classes[violation.column], violation)
    if not better:
        return found
    for key_class, violation in better.items():
        old = draft.decisions[violation.column].mask
        mask = build(violation.suggestion, old.site if old else site_of(catalog, key_class), keys)
        reason = f"nobody decided; {violation.mask!r} would break {violation.constraint}"
        for name in key_class.members:
            if name in draft.decisions:
                draft.decisions[name] = replace(
                    draft.decisions[name],
                    mask=mask,
                    contract=mask.contract(),
                    domain=mask.domain,
                    reason=reason,
                )
    replaced = {name: key_class for name, key_class in classes.items() if key_class in better}
    again = broken_contracts(catalog, replaced, draft.decisions, keys)
    return Findings(
        (*(v for v in found.violations if v.column not in replaced), *again.violations),
        (*(n for n in found.notices if n.column not in replaced), *again.notices),
    )


def _exists(catalog: Catalog, name: ColumnName) -> bool:
    return name.table in catalog.leaves and any(
        c.name == name.column for c in catalog.tables[name.table].columns
    )


def _decide(
    catalog: Catalog,
    key_class: KeyClass,
    classes: Mapping[ColumnName, KeyClass],
    registry: Registry,
    unclassified: Unclassified,
    left_out: frozenset[TableName],
    flagged: Mapping[ColumnName, str],
    draft: _Draft,
) -> _Verdict | None:
    """The verdict of a class, or None where it is open (noted in `draft`), not copied or a tsvector."""
    columns = [column_of(catalog, name) for name in key_class.members]
    if any(c.type.family is Family.SEARCH for c in columns) or not any(c.is_stored for c in columns):
        return None
    copied = [
        name
        for name, column in zip(key_class.members, columns, strict=True)
        if name.table not in left_out and column.is_stored
    ]
    if not copied:
        return None
    lines = [registry.lines[name] for name in key_class.members if name in registry.lines]
    lines = lines or _lines_of_parents(catalog, key_class, classes, registry)
    if lines:
        line = _one_verdict(lines, draft)
        return _Verdict({"mask": line.mask, **line.options}, Origin.REGISTRY, line.domain, line)
    reasons = {name: defaults.passes(column_of(catalog, name), catalog.tables[name.table]) for name in copied}
    suspicions = [flagged[name] for name in key_class.members if name in flagged]
    if all(reasons.values()) and not suspicions:
        return _Verdict({"mask": "keep"}, Origin.DEFAULT, reason=next(iter(reasons.values())))
    at = key_class.root if key_class.root in copied else copied[0]
    column = column_of(catalog, at)
    spec = defaults.mask_by_type(
        site_model(catalog, key_class).type, nullable=all(c.nullable for c in columns if c.is_stored)
    )
    if unclassified == "mask" and spec is not None:
        return _Verdict(
            spec, Origin.UNCLASSIFIED, reason=f"nobody decided; masked by its type {column.type.name}"
        )
    reason = suspicions[0] if suspicions else f"{column.type.name} may hold personal data"
    if key_class.is_shared:
        reason += f"; {len(key_class.members) - 1} other columns hold the same values"
    hint = (
        Line(at, spec["mask"], {k: v for k, v in spec.items() if k != "mask"}).text
        if spec is not None
        else f'{at.column} = "keep"'
    )
    draft.undecided.append(Undecided(at, column.type.name, reason, hint))
    return None


def site_model(catalog: Catalog, key_class: KeyClass) -> Column:
    """The column whose type the class's site has: its narrowest."""
    family = site_of(catalog, key_class).family
    return next(c for n in key_class.members if (c := column_of(catalog, n)).type.family is family)


def _lines_of_parents(
    catalog: Catalog, key_class: KeyClass, classes: Mapping[ColumnName, KeyClass], registry: Registry
) -> list[Line]:
    """The lines of the columns an inheritance child has from its parent tables (partitions are no tables here)."""
    waiting = [
        (parent, name.column) for name in key_class.members for parent in catalog.tables[name.table].parents
    ]
    seen: set[tuple[TableName, str]] = set()
    while waiting:
        parent, column = at = waiting.pop(0)
        if at in seen or parent not in catalog.tables:
            continue
        seen.add(at)
        same = classes.get(ColumnName(parent, column))
        lines = [registry.lines[name] for name in same.members if name in registry.lines] if same else []
        if lines:
            return lines
        waiting += [(grandparent, column) for grandparent in catalog.tables[parent].parents]
    return []


def _one_verdict(lines: list[Line], draft: _Draft) -> Line:
    """The line that stands for the class. Lines that disagree are a violation that names both columns."""
    first = lines[0]
    for other in lines[1:]:
        if other.verdict != first.verdict:
            draft.violations.append(
                Violation(
                    other.column,
                    "foreign key",
                    f"{_said(other)} contradicts {_said(first)} of {first.column}: "
                    "foreign keys join them, so they must have one mask",
                    mask=other.mask,
                    other=first.column,
                )
            )
    masked = [line for line in lines if line.mask != "keep"]
    return masked[0] if masked else first


def _said(line: Line) -> str:
    return f"{line.mask!r}" + (f" ({', '.join(sorted(line.options))})" if line.options else "")


def _make_masks(
    catalog: Catalog,
    verdicts: Mapping[KeyClass, _Verdict],
    keys: Keyring,
    draft: _Draft,
) -> dict[KeyClass, Mask]:
    """One mask per class; a mask that cannot stand is a violation."""
    made: dict[KeyClass, Mask] = {}
    for key_class, verdict in verdicts.items():
        site = site_of(catalog, key_class, domain=verdict.domain)
        try:
            made[key_class] = _built(catalog, key_class, verdict, site, keys)
        except MaskError as error:
            at = verdict.line.column if verdict.line else key_class.root
            draft.violations.append(Violation(at, "type", f"{error.what}", mask=str(verdict.spec["mask"])))
    return made


def _real_by_domain(
    made: Mapping[KeyClass, Mask], real: Mapping[ColumnName, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """What must stay real in one column of a domain stays real in every place of that domain."""
    found: dict[str, set[str]] = defaultdict(set)
    for key_class, mask in made.items():
        for name in key_class.members:
            if values := real.get(name):
                for domain, staying in mask.by_domain(strings(sorted(values))):
                    found[domain].update(v for v in staying.to_pylist() if v)
    return {domain: frozenset(values) for domain, values in found.items() if values}


def _built(catalog: Catalog, key_class: KeyClass, verdict: _Verdict, site: Site, keys: Keyring) -> Mask:
    """The verdict's mask; where nobody decided and the usual mask does not fit the type, an empty value."""
    try:
        return build(verdict.spec, site, keys)
    except MaskError:
        column = site_model(catalog, key_class)
        spec = defaults.emptied(column.type, nullable=site.nullable)
        if verdict.origin is not Origin.UNCLASSIFIED or spec is None or key_class.is_shared:
            raise
        verdict.spec = spec
        return build(spec, site, keys)


def _settle(
    catalog: Catalog,
    key_class: KeyClass,
    verdict: _Verdict,
    mask: Mask,
    left_out: frozenset[TableName],
    draft: _Draft,
) -> None:
    contract = mask.contract()
    for name in key_class.members:
        if name.table in left_out or not column_of(catalog, name).is_stored:
            continue
        inherits = verdict.line is not None and verdict.line.column != name
        draft.decisions[name] = Decision(
            column=name,
            mask=mask,
            contract=contract,
            origin=Origin.INHERITED if inherits else verdict.origin,
            by=verdict.line.by if verdict.line else "",
            domain=mask.domain,
            inherited_from=verdict.line.column if inherits and verdict.line else None,
            reason=verdict.reason,
        )
    draft.notices += [Notice(key_class.root, text) for text in contract.warnings]


def _lines_on_generated_columns(catalog: Catalog, registry: Registry) -> list[Violation]:
    return [
        Violation(
            line.column,
            "generated column",
            "it is computed by the database from other columns and follows their masks; remove the line",
            mask=line.mask,
        )
        for line in registry
        if _exists(catalog, line.column)
        and not column_of(catalog, line.column).is_stored
        and line.mask != "keep"
    ]


def _merges(
    catalog: Catalog, classes: Mapping[ColumnName, KeyClass], decisions: Mapping[ColumnName, Decision]
) -> tuple[Merge, ...]:
    return tuple(
        merge
        for key_class in dict.fromkeys(classes.values())
        if (d := _decision_of(key_class, decisions)) is not None and d.mask is not None and not d.keeps
        for merge in merges_of(catalog, key_class, d.mask)
        if merge.column in decisions
    )


def _decision_of(key_class: KeyClass, decisions: Mapping[ColumnName, Decision]) -> Decision | None:
    return next((decisions[name] for name in key_class.members if name in decisions), None)


def _in_schema_order(
    catalog: Catalog, decisions: Mapping[ColumnName, Decision]
) -> Mapping[ColumnName, Decision]:
    ordered = {}
    for table in logical_tables(catalog):
        for column in table.columns:
            name = ColumnName(table.name, column.name)
            if name in decisions:
                ordered[name] = decisions[name]
    return ordered

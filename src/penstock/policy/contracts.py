"""Whether decisions can stand: every masked column against every constraint it touches, before a row moves."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from penstock.catalog.model import Catalog, ColumnName, quote_identifier
from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.contract import Mask, Site, Uniqueness
from penstock.masks.keys import Keyring
from penstock.policy.checks import CheckEvaluator, check_findings
from penstock.policy.classes import KeyClass, column_of, is_case_insensitive, site_of
from penstock.policy.decision import Decision, Merge, Notice, Violation
from penstock.policy.partition_keys import partition_key_findings
from penstock.policy.uniques import unique_findings

Finding = Violation | Notice

# Which masks are tried as a suggestion, best first. `keep` is never suggested: it hides nothing.
_PREFERRED = ("text", "uuid", "email", "code", "integer", "date_shift", "json", "null")
_SUGGESTIONS = 500  # key classes that get one; the rest of a broken file can wait for the next check


@dataclass(frozen=True, slots=True)
class Findings:
    """What would break, and what only the copy can show."""

    violations: tuple[Violation, ...]
    notices: tuple[Notice, ...]


def broken_contracts(
    catalog: Catalog,
    classes: Mapping[ColumnName, KeyClass],
    decisions: Mapping[ColumnName, Decision],
    keys: Keyring,
) -> Findings:
    """What the masks of `decisions` would break, each with a mask that would do; and what cannot be decided."""
    violations: list[Violation] = []
    notices: list[Notice] = []
    with CheckEvaluator() as evaluator:
        suggested: dict[KeyClass, str] = {}
        for key_class in dict.fromkeys(classes.values()):
            for finding in _class_findings(catalog, key_class, decisions, evaluator):
                if isinstance(finding, Notice):
                    notices.append(finding)
                    continue
                if key_class not in suggested and len(suggested) < _SUGGESTIONS:
                    suggested[key_class] = suggestion(catalog, key_class, decisions, keys, evaluator)
                violations.append(replace(finding, suggestion=suggested.get(key_class, "")))
    return Findings(tuple(violations), tuple(notices))


def _class_findings(
    catalog: Catalog,
    key_class: KeyClass,
    decisions: Mapping[ColumnName, Decision],
    evaluator: CheckEvaluator,
) -> Iterator[Finding]:
    masked = next((d for n in key_class.members if (d := decisions.get(n)) is not None and not d.keeps), None)
    for name in key_class.members:
        decision = decisions.get(name)
        if masked is not None and not column_of(catalog, name).is_stored:
            text = f"it is computed by the database and cannot follow the mask of {masked.column}, which it references"
            yield Violation(name, "generated column", text, mask=masked.mask_name, other=masked.column)
        elif decision is not None and not decision.keeps and decision.mask is not None:
            yield from _column_findings(catalog, key_class, decision, decision.mask, decisions, evaluator)


def _column_findings(
    catalog: Catalog,
    key_class: KeyClass,
    decision: Decision,
    mask: Mask,
    decisions: Mapping[ColumnName, Decision],
    evaluator: CheckEvaluator,
) -> Iterator[Finding]:
    name = decision.column
    table, column = catalog.tables[name.table], column_of(catalog, name)
    contract = mask.contract()

    def broken(constraint: str, problem: str) -> Violation:
        return Violation(name, constraint, problem, mask=mask.name)

    if contract.makes_null and not column.nullable:
        why = "its domain is NOT NULL" if column.type.domain_not_null else "the column is NOT NULL"
        yield broken("NOT NULL", f"the mask {mask.name!r} may write NULL, and {why}")
    limit = Site.of(column.type).max_length
    if limit is not None and not contract.keeps_length:
        if contract.max_length is None:
            yield broken(
                "length", f"the mask {mask.name!r} may write more than the {limit} characters it holds"
            )
        elif contract.max_length > limit:
            yield broken(
                "length",
                f"the mask {mask.name!r} writes up to {contract.max_length} characters, and it holds {limit}",
            )
    if key_class.is_shared and (not mask.context_free or mask.inputs()):
        other = next(member for member in key_class.members if member != name)
        yield broken(
            "foreign key",
            f"the mask {mask.name!r} reads other columns, so the copies of a value in {other} would differ",
        )
    yield from unique_findings(catalog, name, decisions, evaluator)
    yield from check_findings(table, column, mask, decisions, evaluator)
    yield from partition_key_findings(catalog, table, column, mask)


def suggestion(
    catalog: Catalog,
    key_class: KeyClass,
    decisions: Mapping[ColumnName, Decision],
    keys: Keyring,
    evaluator: CheckEvaluator,
) -> str:
    """The first mask, with its default options, that breaks nothing on any member of the class; "" if none.

    One of which that is certain goes before one of which only the copy can show it.
    """
    uncertain = ""
    current = next((decisions[name] for name in key_class.members if name in decisions), None)
    if current is None:
        return ""
    site = current.mask.site if current.mask is not None else site_of(catalog, key_class)
    names = [*_PREFERRED, *(name for name in registry.masks() if name not in (*_PREFERRED, "keep"))]
    for candidate in names:
        if candidate not in registry.masks() or candidate == current.mask_name:
            continue
        try:
            mask = registry.get(candidate)
            if site.family not in mask.families:
                continue
            made = mask(site, keys)
        except MaskError:
            continue  # needs options, or does not fit the type
        tried = {
            name: replace(decisions[name], mask=made, contract=made.contract())
            for name in key_class.members
            if name in decisions
        }
        overlaid = ChainMap(tried, dict(decisions))
        found = tuple(_class_findings(catalog, key_class, overlaid, evaluator))
        if not found:
            return candidate
        if not any(isinstance(finding, Violation) for finding in found):
            uncertain = uncertain or candidate
    return uncertain


def merges_of(catalog: Catalog, key_class: KeyClass, mask: Mask) -> Iterator[Merge]:
    """Unique keys of members that hold values apart which the class's equality, or its mask, takes for one."""
    site = mask.site
    for name in key_class.members:
        column, table = column_of(catalog, name), catalog.tables[name.table]
        keys = [key for key in table.all_keys if key.columns == (name.column,) and not key.exclusion]
        if column.type.family is not Family.TEXT or not keys:
            continue
        exact_case = not is_case_insensitive(column)
        coarser_class = (site.case_insensitive and exact_case) or (site.padded and not column.type.is_padded)
        folds_case = exact_case and (site.case_insensitive or _is_one(mask, "Qa7@x.example", "qa7@x.example"))
        folds_blanks = _is_one(mask, "qa7@x.example", " qa7@x.example ")
        folded = quote_identifier(name.column) + "::pg_catalog.text"
        if folds_blanks:
            folded = f"pg_catalog.btrim({folded})"
        elif site.padded and not column.type.is_padded:
            folded = f"pg_catalog.rtrim({folded})"
        if folds_case:
            folded = f"pg_catalog.lower({folded})"
        if coarser_class or folds_case or folds_blanks:
            why = (
                "equal for a column that references them"
                if coarser_class
                else f"one value in two spellings for the mask {mask.name!r}"
            )
            hint = (
                "mend the source, or keep the two columns apart"
                if coarser_class
                else f"mend the source, or take the mask 'text' for {name}"
            )
            for key in keys:
                yield Merge(name, key.name, folded, f"they are unique under {key.name}, but {why}", hint)


def _is_one(mask: Mask, first: str, second: str) -> bool:
    """Whether the mask gives two made-up spellings one pseudonym."""
    if not mask.context_free or mask.inputs() or mask.contract().uniqueness is Uniqueness.LOSSY:
        return False
    one, other = mask.mask(pa.array([first, second], pa.large_string())).to_pylist()
    return bool(one == other)

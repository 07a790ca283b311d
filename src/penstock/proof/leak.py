"""Search the target for what may have survived of the source.

The caller says what it meant to do with each source column (a `Claim`); the proof then looks for itself. Every value
of a column that was to become *fresh* is searched for in all the target holds, as a whole cell or inside one. It
imports neither the masks nor the policy, reads its own catalog, and undoes escapes with its own code: a list shared
with the masker is how leaks are missed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing

from penstock.catalog.model import ColumnName, TableName, quote_identifier
from penstock.engines.postgres.session import Session
from penstock.proof.aligned import compare_aligned
from penstock.proof.collect import Wanted, collect
from penstock.proof.hashing import HashKey
from penstock.proof.leaves import leaves
from penstock.proof.needles import NeedleCollector, Tally, hashes_of
from penstock.proof.paths import fresh, is_email
from penstock.proof.relations import (
    Relation,
    Shape,
    as_they_were,
    catalog_texts,
    quoted_data,
    relations,
)
from penstock.proof.report import Claim, ColumnTest, Finding, LeakReport, Progress, Verdict
from penstock.proof.scan import Scan, scan_target
from penstock.proof.spill import PAIRS_IN_MEMORY

__all__ = ["Claim", "check_leaks", "quoting_texts"]


def check_leaks(
    source: Session,
    target: Session,
    claims: Iterable[Claim],
    *,
    nomenclature: frozenset[TableName] = frozenset(),
    acknowledged: frozenset[ColumnName | str] = frozenset(),
    originals: Mapping[TableName, TableName] | None = None,
    without: frozenset[TableName] = frozenset(),
    progress: Progress | None = None,
    pairs_in_memory: int = PAIRS_IN_MEMORY,
) -> LeakReport:
    """Search the target for the source's values. Both sessions have a transaction open with pinned settings.

    `nomenclature` holds tables that were kept whole on purpose or have no masked column: their own values, found as
    whole cells in them, are listed apart. `acknowledged` columns and texts (by their place) of the target are listed
    as such. `originals`: both sessions are on one database, which holds what these tables were in tables of other names;
    these are read as the source and are no part of the target, nor are the tables `without`,
    which go before anybody sees it. What is searched for is kept in memory up to
    `pairs_in_memory` keyed hashes of a kind, and beyond that in nameless temporary files.
    """
    started = time.monotonic()
    claims = list(claims)
    say = progress or (lambda *_: None)
    aside = originals or {}
    in_source = as_they_were(relations(source), aside)
    with ExitStack() as stack:  # what lies on disk is gone whatever happens
        collector = stack.enter_context(closing(NeedleCollector(HashKey(), pairs_in_memory)))
        tallies, tests = _collect_all(source, in_source, claims, collector, say)
        index = collector.build()
        scan = Scan(source, in_source, index, claims, nomenclature, acknowledged, pairs_in_memory)
        stack.enter_context(closing(scan))
        coverage = scan_target(target, scan, say, without=without | frozenset(aside.values()))
        findings = scan.findings()
        searched = index.values_by_origin(len(claims))
    leaking = {finding.origin for finding in findings if finding.verdict is Verdict.LEAK}
    tests += [
        _absence(claims[at], tally, int(searched[at]), leaks=claims[at].column in leaking)
        for at, tally in tallies.items()
    ]
    tests += compare_aligned(source, target, in_source, relations(target), claims, say)
    order = {claim.column: at for at, claim in enumerate(claims)}
    tests.sort(key=lambda test: order[test.column])
    return LeakReport(findings, tuple(tests), coverage, time.monotonic() - started)


def quoting_texts(
    source: Session,
    claims: Iterable[Claim],
    *,
    nomenclature: frozenset[TableName] = frozenset(),
    acknowledged: frozenset[ColumnName | str] = frozenset(),
    progress: Progress | None = None,
    pairs_in_memory: int = PAIRS_IN_MEMORY,
) -> tuple[Finding, ...]:
    """The leaks that `check_leaks` would find in the texts of the schema of a copy that has them all as they are.

    For who wants to know before the work is done. Reads the masked columns once, the others only where it matters.
    """
    claims = list(claims)
    say = progress or (lambda *_: None)
    in_source = relations(source)
    with ExitStack() as stack:
        collector = stack.enter_context(closing(NeedleCollector(HashKey(), pairs_in_memory)))
        _collect_all(source, in_source, claims, collector, say)
        index = collector.build()

        def found(known: Iterable[ColumnName]) -> tuple[Finding, ...]:
            scan = Scan(source, in_source, index, claims, nomenclature, acknowledged, pairs_in_memory)
            stack.enter_context(closing(scan))
            scan.know(known)
            scan.catalog(source)
            return tuple(f for f in scan.findings() if f.verdict is Verdict.LEAK)

        leaks = found(())
        places = {leak.place for leak in leaks}
        pieces = {p for t in catalog_texts(source) if t.place in places and t.code for p in quoted_data(t)}
        if not pieces:
            return leaks
        # A word of the application, such as a status, is no leak: some unmasked column holds it by right.
        same = {claim.column for claim in claims if claim.codomain == "same"}
        return found([place for r in in_source.values() for place in _holding(source, r, same, pieces)])


def _holding(
    source: Session, relation: Relation, wanted: AbstractSet[ColumnName], values: Iterable[str]
) -> list[ColumnName]:
    """Those of the wanted columns of a table that hold any of these values."""
    names = [c.name for c in relation.columns if ColumnName(relation.name, c.name) in wanted]
    if not names or relation.unreadable or not relation.populated:
        return []
    asked = ", ".join(
        f"bool_or(pg_catalog.lower({quote_identifier(n)}::pg_catalog.text) = ANY ($1::pg_catalog.text[]))"
        for n in names
    )
    row = source.fetch(
        f"SELECT {asked} FROM ({relation.copy_query(tuple(names))}) AS q",
        [value.lower() for value in values],
        doing=f"looking for words of the schema in {relation.name}",
    )[0]
    return [ColumnName(relation.name, name) for name, holds in zip(names, row.values(), strict=True) if holds]


def _absence(claim: Claim, tally: Tally, searched: int, *, leaks: bool) -> ColumnTest:
    of_parts = "" if claim.codomain == "fresh" else "of the parts that were to become fresh"
    return ColumnTest(
        claim.column,
        "fresh",
        "absence",
        "failed" if leaks else "ok",
        ("" if leaks else of_parts) if searched or not tally.rows else "no value long enough to search for",
        rows=tally.rows,
        searched=searched,
        too_short=tally.too_short,
        fractions=tally.fractions,
        accepted=tally.accepted,
    )


def _collect_all(
    source: Session,
    in_source: dict[TableName, Relation],
    claims: Sequence[Claim],
    collector: NeedleCollector,
    say: Progress,
) -> tuple[dict[int, Tally], list[ColumnTest]]:
    """Read every column that is fresh or has fresh parts once: what was read, and the columns that could not be.

    The place of a claim among `claims` is the origin of its values.
    """
    by_table: dict[TableName, dict[str, Wanted]] = defaultdict(dict)
    tests: list[ColumnTest] = []
    for at, claim in enumerate(claims):
        of_parts = claim.parts if claim.codomain != "fresh" else None
        if claim.codomain != "fresh" and (of_parts is None or not of_parts.has_fresh):
            continue
        relation = in_source.get(claim.column.table)
        why = "no such table in the source" if relation is None else relation.unreadable
        if relation is not None and not any(c.name == claim.column.column for c in relation.columns):
            why = "no such column in the source"
        if why:
            tests.append(ColumnTest(claim.column, "fresh", "not tested", "not tested", why))
        else:
            real = claim.accepted if of_parts is None else claim.accepted | _emails_in(claim.accepted)
            by_table[claim.column.table][claim.column.column] = Wanted(
                at, hashes_of(collector.key, real), None if of_parts is None else fresh(of_parts)
            )
    tallies: dict[int, Tally] = {}
    for table, wanted in by_table.items():
        found = collect(source, in_source[table], wanted, collector, say)
        tallies |= {wanted[name].origin: tally for name, tally in found.items()}
    return tallies, tests


def _emails_in(accepted: Iterable[str]) -> set[str]:
    """The e-mails in documents that stay real as a whole."""
    documents = (text for text in accepted if text[:1] in ("{", "["))
    return {leaf for text in documents for leaf in leaves(text, Shape.JSON) if is_email(leaf)}

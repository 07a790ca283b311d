"""Search the target for what may have survived of the source.

The caller says what it meant to do with each source column (a `Claim`); the proof then looks for itself. Every value
of a column that was to become *fresh* is searched for in all the target holds, as a whole cell or inside one. It
imports neither the masks nor the policy, reads its own catalog, and undoes escapes with its own code: a list shared
with the masker is how leaks are missed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import ColumnName, TableName
from penstock.engines.postgres.session import Session
from penstock.proof.aligned import compare_aligned
from penstock.proof.cells import Cells, Spelling, cut, fold, joined, read_block, readings, whole_rows
from penstock.proof.collect import collect, decoded
from penstock.proof.hashing import I64, U64, HashKey
from penstock.proof.needles import NeedleCollector, NeedleIndex, Tally, hashes_of, value_hashes
from penstock.proof.relations import Relation, Shape, catalog_texts, quoted_data, relations
from penstock.proof.report import Codomain, ColumnTest, Finding, LeakCoverage, LeakReport, NotScanned, Verdict
from penstock.proof.search import search

Progress = Callable[[str, int], None]
"""Called when a table has been read: "source public.orders" or "target public.orders", and bytes searched."""

CATEGORY_VALUES = 1_000  # a category has fewer distinct values than this …
CATEGORY_SHARE = 0.05  # … and than this share of its rows
_FINGERPRINTS = 5
_LARGE_OBJECTS = ColumnName(TableName("pg_catalog", "pg_largeobject"), "data")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said to have become of a source column. `accepted`: values that stay real (staff)."""

    column: ColumnName
    codomain: Codomain
    accepted: frozenset[str] = frozenset()


def check_leaks(
    source: Session,
    target: Session,
    claims: Iterable[Claim],
    *,
    nomenclature: frozenset[TableName] = frozenset(),
    acknowledged: frozenset[ColumnName] = frozenset(),
    progress: Progress | None = None,
    pairs_in_memory: int = 1 << 21,
) -> LeakReport:
    """Search the target for the source's values. Both sessions have a transaction open with pinned settings.

    `nomenclature` holds tables that were kept whole on purpose or have no masked column: their own values, found as
    whole cells in them, are listed apart. `acknowledged` columns of the target are listed as such.
    """
    started = time.monotonic()
    claims = list(claims)
    say = progress or (lambda *_: None)
    in_source = relations(source)
    collector = NeedleCollector(HashKey(), pairs_in_memory)
    try:
        tallies, tests = _collect_all(source, in_source, claims, collector, say)
        index = collector.build()
        scan = _Scan(source, in_source, index, claims, nomenclature, acknowledged)
        coverage = _scan_all(target, scan, say)
    finally:
        collector.close()
    findings = scan.findings()
    leaking = {finding.origin for finding in findings if finding.verdict is Verdict.LEAK}
    searched = index.values_by_origin(len(claims))
    tests += [
        _absence(claims[at].column, tally, int(searched[at]), leaks=claims[at].column in leaking)
        for at, tally in tallies.items()
    ]
    tests += compare_aligned(source, target, in_source, relations(target), claims)
    order = {claim.column: at for at, claim in enumerate(claims)}
    tests.sort(key=lambda test: order[test.column])
    return LeakReport(findings, tuple(tests), coverage, time.monotonic() - started)


def _absence(column: ColumnName, tally: Tally, searched: int, *, leaks: bool) -> ColumnTest:
    return ColumnTest(
        column,
        "fresh",
        "absence",
        "failed" if leaks else "ok",
        "" if searched or not tally.rows else "no value long enough to search for",
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
    """Read every fresh column once: what was read, and the columns that could not be.

    The place of a claim among `claims` is the origin of its values.
    """
    by_table: dict[TableName, dict[str, tuple[int, U64]]] = defaultdict(dict)
    tests: list[ColumnTest] = []
    for at, claim in enumerate(claims):
        if claim.codomain != "fresh":
            continue
        relation = in_source.get(claim.column.table)
        why = "no such table in the source" if relation is None else relation.unreadable
        if relation is not None and not any(c.name == claim.column.column for c in relation.columns):
            why = "no such column in the source"
        if why:
            tests.append(ColumnTest(claim.column, "fresh", "not tested", "not tested", why))
        else:
            accepted = hashes_of(collector.key, claim.accepted)
            by_table[claim.column.table][claim.column.column] = (at, accepted)
    tallies: dict[int, Tally] = {}
    for table, wanted in by_table.items():
        found = collect(source, in_source[table], wanted, collector)
        tallies |= {wanted[name][0]: tally for name, tally in found.items()}
        say(f"source {table}", 0)
    return tallies, tests


def _scan_all(target: Session, scan: _Scan, say: Progress) -> LeakCoverage:
    """Search every table, materialised view, large object and catalog text of the target."""
    not_scanned: list[NotScanned] = []
    columns = columns_of = rows = cells = size = 0
    for relation in relations(target).values():
        columns_of += len(relation.columns)
        why = "its rows lie on another server" if relation.kind == "f" else relation.unreadable
        if why:
            not_scanned += [NotScanned(f"{relation.name}.{c.name}", why) for c in relation.columns]
            continue
        columns += len(relation.columns)
        if not relation.columns or not relation.populated:
            continue
        read_rows, read_bytes = scan.relation(target, relation)
        there = target.fetchval(f"SELECT count(*) FROM ({relation.copy_query(())}) AS q")
        if read_rows != there:
            not_scanned.append(NotScanned(str(relation.name), f"{read_rows} of {there} rows were read"))
        rows, cells, size = rows + read_rows, cells + read_rows * len(relation.columns), size + read_bytes
        say(f"target {relation.name}", read_bytes)
    texts = scan.catalog(target)
    size += scan.large_objects(target, not_scanned)
    return LeakCoverage(columns, columns_of, rows, cells, size, texts, tuple(not_scanned))


@dataclass
class _Found:
    """Sums of one finding."""

    values: list[U64] = field(default_factory=list)
    rows: int = 0
    whole: int = 0

    def add(self, values: U64, rows: int, whole: int) -> None:
        self.values.append(values)
        self.rows += rows
        self.whole += whole
        if len(self.values) > 64:
            self.values = [np.unique(np.concatenate(self.values))]

    def distinct(self) -> U64:
        return np.unique(np.concatenate(self.values))


class _Scan:
    """One pass over the target."""

    def __init__(
        self,
        source: Session,
        in_source: dict[TableName, Relation],
        index: NeedleIndex,
        claims: Sequence[Claim],
        nomenclature: frozenset[TableName],
        acknowledged: frozenset[ColumnName],
    ) -> None:
        self.source = source
        self.in_source = in_source
        self.index = index
        self.claims = claims
        self.same = {claim.column for claim in claims if claim.codomain == "same"}
        self.nomenclature = nomenclature
        self.acknowledged = acknowledged
        self.found: dict[tuple[str, int, Verdict], _Found] = defaultdict(_Found)
        self.rightful: dict[ColumnName, U64] = {}

    def relation(self, target: Session, relation: Relation) -> tuple[int, int]:
        """Search one table; (rows, bytes) read."""
        names = tuple(column.name for column in relation.columns)
        spellings = tuple(column.spelling for column in relation.columns)
        places = [ColumnName(relation.name, name) for name in names]
        rows = size = 0
        query = relation.copy_query(names)
        for block in whole_rows(target.copy_out(query, doing=f"searching {relation.name}")):
            size += len(block)
            read = read_block(block, spellings)
            rows += len(read[0].starts) // len(names)
            if not self.index.is_empty:
                self._book(read, places)
        return rows, size

    def _book(self, read: list[Cells], places: list[ColumnName]) -> None:
        """Count the hits of one block."""
        hits = [search(self.index, cells) for cells in read]
        row = np.concatenate([c.row[h.cell] for c, h in zip(read, hits, strict=True)])
        column = np.concatenate([c.column[h.cell] for c, h in zip(read, hits, strict=True)])
        value, origin, whole = (
            np.concatenate([getattr(h, name) for h in hits]) for name in ("value", "origin", "whole")
        )
        for at in np.unique(column).tolist():
            of_column = column == at
            place = places[at]
            verdicts = self._verdicts(place, value[of_column], whole[of_column])
            self._count(
                str(place), row[of_column], value[of_column], origin[of_column], whole[of_column], verdicts
            )

    def _verdicts(
        self, place: ColumnName, value: U64, whole: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.object_]:
        """What each hit in a column of the target is."""
        out = np.full(len(value), Verdict.LEAK, dtype=object)
        if place in self.acknowledged:
            out[:] = Verdict.ACKNOWLEDGED
        if place in self.same and whole.any():
            out[whole & np.isin(value, self._rightful(place))] = Verdict.APART
        return out

    def _count(
        self,
        place: str,
        row: I64,
        value: U64,
        origin: I64,
        whole: npt.NDArray[np.bool_],
        verdicts: npt.NDArray[np.object_],
    ) -> None:
        for source_column in np.unique(origin).tolist():
            for verdict in Verdict:
                chosen = (origin == source_column) & (verdicts == verdict)
                if chosen.any():
                    self.found[place, source_column, verdict].add(
                        np.unique(value[chosen]),
                        len(np.unique(row[chosen])),
                        len(np.unique(row[chosen & whole])),
                    )

    def _rightful(self, place: ColumnName) -> U64:
        """The values an unmasked column of the source holds as nomenclature or as a category, else none.

        Read when first needed.
        """
        if place not in self.rightful:
            self.rightful[place] = self._read_rightful(place)
        return self.rightful[place]

    def _read_rightful(self, place: ColumnName) -> U64:
        nothing: U64 = np.empty(0, dtype=np.uint64)
        relation = self.in_source.get(place.table)
        if relation is None or relation.unreadable:
            return nothing
        nomenclature = place.table in self.nomenclature
        if not any(c.name == place.column for c in relation.columns):
            return nothing
        seen, rows = nothing, 0
        query = relation.copy_query((place.column,))
        for block in whole_rows(self.source.copy_out(query, doing=f"reading {place}")):
            text, buffer, starts, ends = cut(block, 1)
            rows += len(starts)
            if nomenclature or len(seen) < CATEGORY_VALUES:
                for values in decoded(text, buffer, starts, ends, Shape.SCALAR):
                    seen = np.union1d(seen, value_hashes(self.index.key, *values))
        category = len(seen) < CATEGORY_VALUES and len(seen) < CATEGORY_SHARE * rows
        return seen if nomenclature or category else nothing

    def catalog(self, target: Session) -> int:
        """Search the schema's own texts; how many there are. Labels of enums the source has too are categories."""
        texts = catalog_texts(target)
        if self.index.is_empty:
            return len(texts)
        labels = [t.text for t in catalog_texts(self.source) if t.place.startswith("enum label")]
        known = hashes_of(self.index.key, labels)
        for text in texts:
            pieces = [
                reading
                for piece in quoted_data(text)
                for reading in readings(fold(piece.encode()), Spelling.SEARCH)
            ]
            nowhere = np.zeros(len(pieces), dtype=np.int64)
            hits = search(self.index, joined(pieces, nowhere, nowhere))
            verdicts = np.full(len(hits.cell), Verdict.LEAK, dtype=object)
            if text.column in self.acknowledged:
                verdicts[:] = Verdict.ACKNOWLEDGED
            if text.place.startswith("enum label"):
                verdicts[hits.whole & np.isin(hits.value, known)] = Verdict.APART
            self._count(text.place, nowhere[hits.cell], hits.value, hits.origin, hits.whole, verdicts)
        return len(texts)

    def large_objects(self, target: Session, not_scanned: list[NotScanned]) -> int:
        """Search what lies in pg_largeobject; bytes read."""
        if not target.fetchval("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"):
            return 0
        if not target.fetchval(
            "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"
        ):
            not_scanned.append(NotScanned("large objects", "only a superuser may read pg_largeobject"))
            return 0
        size = 0
        query = "SELECT pg_catalog.lo_get(oid) FROM pg_catalog.pg_largeobject_metadata"
        for block in whole_rows(target.copy_out(query, doing="searching large objects")):
            size += len(block)
            if not self.index.is_empty:
                self._book(read_block(block, (Spelling.PLAIN,)), [_LARGE_OBJECTS])
        return size

    def findings(self) -> tuple[Finding, ...]:
        """All findings, leaks first, the widest first."""
        out = []
        for (place, origin, verdict), found in self.found.items():
            values = found.distinct()
            fingerprints = tuple(f"{value:016x}"[:12] for value in values[:_FINGERPRINTS].tolist())
            column = self.claims[origin].column
            out.append(Finding(column, place, verdict, len(values), found.rows, found.whole, fingerprints))
        rank = {Verdict.LEAK: 0, Verdict.ACKNOWLEDGED: 1, Verdict.APART: 2}
        out.sort(key=lambda f: (rank[f.verdict], -f.rows, f.place, str(f.origin)))
        return tuple(out)

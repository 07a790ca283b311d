"""One pass over everything the target holds, and what each occurrence of a source value there means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from penstock.catalog.model import MANIFEST, ColumnName, TableName
from penstock.engines.postgres.session import Session
from penstock.proof.cells import Spelling, cut, fold, joined, read_block, readings, whole_rows
from penstock.proof.collect import decoded
from penstock.proof.hashing import I64, U64
from penstock.proof.largeobjects import LARGE_OBJECTS, PIECES
from penstock.proof.needles import NeedleIndex, hashes_of, value_hashes
from penstock.proof.relations import (
    CatalogText,
    Relation,
    ScannedColumn,
    Shape,
    catalog_texts,
    quoted_data,
    relations,
)
from penstock.proof.report import Claim, Finding, LeakCoverage, NotScanned, Progress, Verdict
from penstock.proof.search import Hits, search
from penstock.proof.spill import NO_TABLE, PAIRS_IN_MEMORY, PairCollector, PairTable

CATEGORY_VALUES = 1_000  # a category has fewer distinct values than this …
CATEGORY_SHARE = 0.05  # … and than this share of its rows
_FINGERPRINTS = 5
_LARGE_OBJECTS = Relation(
    TableName("pg_catalog", "pg_largeobject"), "r", True, (ScannedColumn("data", "bytea", Shape.BINARY),), 0
)
_LEAK, _APART, _ACKNOWLEDGED = range(3)
_VERDICTS = (Verdict.LEAK, Verdict.APART, Verdict.ACKNOWLEDGED)
Codes = npt.NDArray[np.int8]  # places in _VERDICTS


def scan_target(
    target: Session, scan: Scan, say: Progress, *, without: frozenset[TableName] = frozenset()
) -> LeakCoverage:
    """Search every table, materialised view, large object and catalog text of the target."""
    not_scanned: list[NotScanned] = []
    columns = columns_of = rows = cells = size = 0
    # Materialised views last: what their tables hold by right is known by then.
    for relation in sorted(relations(target).values(), key=lambda r: r.kind == "m"):
        if relation.kind == "f" or relation.name in without:
            continue  # a foreign table: it holds no rows: what a query of it shows lies on another server
        columns_of += len(relation.columns)
        if relation.unreadable:
            not_scanned += [
                NotScanned(f"{relation.name}.{c.name}", relation.unreadable) for c in relation.columns
            ]
            continue
        columns += len(relation.columns)
        if not relation.columns or not relation.populated:
            continue
        read_rows, read_bytes = scan.relation(target, relation, say)
        there = target.fetchval(f"SELECT count(*) FROM ({relation.copy_query(())}) AS q")
        if read_rows != there:
            not_scanned.append(NotScanned(str(relation.name), f"{read_rows} of {there} rows were read"))
        rows, cells, size = rows + read_rows, cells + read_rows * len(relation.columns), size + read_bytes
    texts = scan.catalog(target)
    size += scan.large_objects(target, not_scanned)
    return LeakCoverage(columns, columns_of, rows, cells, size, texts, tuple(not_scanned))


@dataclass
class _Found:
    """Sums of one finding."""

    number: int
    rows: int = 0
    whole: int = 0


def _chosen(hits: Hits, which: npt.NDArray[np.bool_]) -> Hits:
    return Hits(*(getattr(hits, name)[which] for name in Hits.__slots__))


class Scan:
    """One pass over the target."""

    def __init__(
        self,
        source: Session,
        in_source: dict[TableName, Relation],
        index: NeedleIndex,
        claims: Sequence[Claim],
        nomenclature: frozenset[TableName],
        acknowledged: frozenset[ColumnName | str],
        pairs_in_memory: int = PAIRS_IN_MEMORY,
    ) -> None:
        self.source = source
        self.in_source = in_source
        self.index = index
        self.claims = claims
        self.claimed = {claim.column for claim in claims}
        self.same = {claim.column for claim in claims if claim.codomain == "same"}
        # What a pool or a permutation makes may be somebody's by chance; the aligned rows judge these columns.
        self.by_chance = {claim.column for claim in claims if claim.codomain in ("pool", "permutation")}
        self.nomenclature = nomenclature
        self.acknowledged = acknowledged
        self.found: dict[tuple[str, int, Verdict], _Found] = {}
        self.values = PairCollector(
            pairs_in_memory
        )  # (value, number of its finding, and whether it is one word)
        self.rightful: dict[ColumnName, PairTable] = {}
        self.rightful_limit = pairs_in_memory // 16  # there may be many such columns
        self.collectors = [self.values]

    def close(self) -> None:
        """Give the disk space back."""
        for collector in self.collectors:
            collector.close()

    def relation(self, target: Session, relation: Relation, say: Progress) -> tuple[int, int]:
        """Search one table; (rows, bytes) read."""
        names = tuple(column.name for column in relation.columns)
        spellings = tuple(column.spelling for column in relation.columns)
        rows = size = 0
        query, doing = relation.copy_query(names), f"searching {relation.name}"
        for block in whole_rows(target.copy_out(query, doing=doing)):
            size += len(block)
            found = self._block(block, spellings, relation)
            rows += found
            say(doing, found, len(block))
            del block  # not held while the next one is made
        return rows, size

    def _block(self, block: bytes, spellings: tuple[Spelling, ...], relation: Relation) -> int:
        """Count the hits of one block, together, as a row counts once; how many rows it has."""
        raw, others = read_block(block, spellings)
        if self.index.is_empty:
            return len(raw.starts) // len(spellings)
        rows, columns, parts = [], [], []
        for cells in chain([raw], others):
            parts.append(found := search(self.index, cells))
            rows.append(cells.row[found.cell])
            columns.append(cells.column[found.cell])
            del cells  # a long reading is not held while the next one is made
        row, column = np.concatenate(rows), np.concatenate(columns)
        hits = Hits(*(np.concatenate([getattr(h, name) for h in parts]) for name in Hits.__slots__))
        for at in np.unique(column).tolist():
            of_column = column == at
            found = _chosen(hits, of_column)
            place = ColumnName(relation.name, relation.columns[at].name)
            verdicts = self._verdicts(place, found, derived=relation.columns[at].derived)
            self._count(str(place), row[of_column], found, verdicts)
        return len(raw.starts) // len(spellings)

    def _verdicts(self, place: ColumnName, hits: Hits, *, derived: bool) -> Codes:
        """What each hit in a column of the target is."""
        if place in self.acknowledged:
            return np.full(len(hits.value), _ACKNOWLEDGED, dtype=np.int8)
        if place.table == MANIFEST:
            # The manifest names tables, columns, masks and who ran it, and holds no row's value: shown, not refused.
            return np.full(len(hits.value), _APART, dtype=np.int8)
        out = np.full(len(hits.value), _LEAK, dtype=np.int8)
        if place in self.by_chance:
            # A pool makes words and a permutation numbers, which may be somebody's. Neither makes an e-mail, and a JSON
            # document may hold one at a path that was kept.
            out[hits.word | hits.number] = _APART
            return out
        if place in self.same and place.table in self.nomenclature:
            out[hits.word & ~hits.whole] = (
                _APART  # Texas, a district, inside Texas City; an e-mail in there stays a leak
            )
        if not hits.whole.any():
            return out
        if place in self.same:
            out[hits.whole & self._rightful(place).contains(hits.value)] = _APART
        elif derived and place not in self.claimed:
            out[hits.whole & self._rightful_anywhere(hits.value)] = _APART
        return out

    def _count(self, place: str, row: I64, hits: Hits, verdicts: Codes) -> None:
        for origin in np.unique(hits.origin).tolist():
            for code, verdict in enumerate(_VERDICTS):
                which = (hits.origin == origin) & (verdicts == code)
                if which.any():
                    found = self.found.setdefault((place, origin, verdict), _Found(len(self.found)))
                    found.rows += len(np.unique(row[which]))
                    found.whole += len(np.unique(row[which & hits.whole]))
                    self.values.add(hits.value[which], np.uint64(found.number << 1) | hits.word[which])

    def _rightful_anywhere(self, values: U64) -> npt.NDArray[np.bool_]:
        """Which values are known so far to be nomenclature or a category of some unmasked column."""
        known = np.zeros(len(values), dtype=bool)
        for table in self.rightful.values():
            known |= table.contains(values)
        return known

    def _rightful(self, place: ColumnName) -> PairTable:
        """The values an unmasked column of the source holds as nomenclature or as a category, else none.

        Read when first needed.
        """
        if place not in self.rightful:
            self.rightful[place] = self._read_rightful(place)
        return self.rightful[place]

    def _read_rightful(self, place: ColumnName) -> PairTable:
        relation = self.in_source.get(place.table)
        if relation is None or relation.unreadable:
            return NO_TABLE
        nomenclature = place.table in self.nomenclature
        if not any(c.name == place.column for c in relation.columns):
            return NO_TABLE
        seen = PairCollector(self.rightful_limit)
        self.collectors.append(seen)
        few: U64 = np.empty(0, dtype=np.uint64)
        rows = 0
        query = relation.copy_query((place.column,))
        for block in whole_rows(self.source.copy_out(query, doing=f"reading {place}")):
            text, buffer, starts, ends = cut(block, 1)
            rows += len(starts)
            for values in decoded(text, buffer, starts, ends, Shape.SCALAR):
                if nomenclature or len(few) < CATEGORY_VALUES:
                    hashes = value_hashes(self.index.key, *values)
                    seen.add(hashes, np.zeros_like(hashes))
                if len(few) < CATEGORY_VALUES:
                    few = np.union1d(few, hashes)
        category = len(few) < CATEGORY_VALUES and len(few) < CATEGORY_SHARE * rows
        return seen.finish() if nomenclature or category else NO_TABLE

    def know(self, places: Iterable[ColumnName]) -> None:
        """Read what these columns hold by right, though no hit in them asked for it."""
        for place in places:
            self._rightful(place)

    def catalog(self, target: Session) -> int:
        """Search the schema's own texts; how many there are."""
        texts = catalog_texts(target)
        if self.index.is_empty:
            return len(texts)
        labels = [t.text for t in catalog_texts(self.source) if t.is_enum_label]
        of_source = hashes_of(self.index.key, labels)
        for text in texts:
            pieces = [
                reading
                for piece in quoted_data(text)
                for reading in readings(fold(piece.encode()), Spelling.SEARCH)
            ]
            nowhere = np.zeros(len(pieces), dtype=np.int64)
            hits = search(self.index, joined(pieces, nowhere, nowhere))
            acknowledged = text.column in self.acknowledged or text.place in self.acknowledged
            verdicts = np.full(len(hits.cell), _ACKNOWLEDGED if acknowledged else _LEAK, dtype=np.int8)
            if text.code and not acknowledged:
                verdicts[hits.word & ~hits.whole] = (
                    _APART  # a word of a message or a name in a function's body
                )
            if hits.whole.any():
                known = (
                    np.isin(hits.value, of_source)
                    if text.is_enum_label
                    else self._in_vocabulary(text, hits.value)
                )
                verdicts[hits.whole & known] = _APART
            self._count(text.place, nowhere[hits.cell], hits, verdicts)
        return len(texts)

    def _in_vocabulary(self, text: CatalogText, values: U64) -> npt.NDArray[np.bool_]:
        """Which values a literal of this text may say: what an unmasked column holds by right, as 'open' in a CHECK does."""
        if not text.code:
            return np.zeros(len(values), dtype=bool)
        for place in self.same:
            if place.table == text.table and text.column in (None, place):
                self._rightful(place)
        return self._rightful_anywhere(values)

    def large_objects(self, target: Session, not_scanned: list[NotScanned]) -> int:
        """Search the large objects this role may read, which are those of the copy, in pieces; bytes read."""
        unreadable = target.fetchval(f"SELECT count(*) FROM ({LARGE_OBJECTS}) AS o WHERE NOT readable")
        if unreadable:
            not_scanned.append(NotScanned(f"{unreadable} large objects", "no right to read them"))
        size = 0
        for block in whole_rows(target.copy_out(PIECES, doing="searching large objects")):
            size += len(block)
            self._block(block, (Spelling.PLAIN,), _LARGE_OBJECTS)
        return size

    def findings(self) -> tuple[Finding, ...]:
        """All findings, leaks first, the widest first; the scan is spent."""
        values, words, fingerprints = self._values_of_findings()
        out = []
        for (place, origin, verdict), found in self.found.items():
            of_finding = int(values[found.number]), found.rows, found.whole, int(words[found.number])
            few = tuple(f"{value:016x}"[:12] for value in fingerprints[found.number])
            out.append(Finding(self.claims[origin].column, place, verdict, *of_finding, few))
        rank = {Verdict.LEAK: 0, Verdict.ACKNOWLEDGED: 1, Verdict.APART: 2}
        out.sort(key=lambda f: (rank[f.verdict], -f.rows, f.place, str(f.origin)))
        return tuple(out)

    def _values_of_findings(self) -> tuple[I64, I64, list[list[int]]]:
        """By the number of a finding: how many distinct values, how many of them are one word, the first few."""
        count = len(self.found)
        values, words = np.zeros((2, count), dtype=np.int64)
        first: list[list[int]] = [[] for _ in range(count)]
        for pairs in self.values.finish().parts():
            number = (pairs[:, 1] >> np.uint64(1)).astype(np.int64)
            values += np.bincount(number, minlength=count)
            words += np.bincount(number[(pairs[:, 1] & np.uint64(1)).astype(bool)], minlength=count)
            for at in np.unique(number).tolist():
                if len(first[at]) < _FINGERPRINTS:
                    first[at] += pairs[number == at, 0][: _FINGERPRINTS - len(first[at])].tolist()
        return values, words, first

"""Pool and permutation columns: whether rows still hold their own source values, more often than by chance.

A name from a pool may be somebody's, and a permuted number somebody else's, so absence cannot be tested. But where a
table's primary key is kept, rows can be laid beside their originals. Values are compared as keyed hashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.catalog.model import ColumnName, TableName
from penstock.engines.postgres.session import Session
from penstock.proof.cells import cut, fold, unescape_copy, whole_rows
from penstock.proof.hashing import I64, U64, HashKey, keyed_hash
from penstock.proof.leaves import leaves
from penstock.proof.needles import contained, hashes_of, trimmed
from penstock.proof.paths import changing
from penstock.proof.relations import Relation, Shape
from penstock.proof.report import Claim, ColumnTest, Progress

ROWS_COMPARED = 1_000_000  # of a table, at most …
HASHES_COMPARED = 1 << 22  # … and fewer where many columns are: 32 MB of each database
_NOTHING = ord("\\")
# Draws that may be equal where chance is rare: of fourteen towns in a pool of six hundred, one column in sixty has a town that
# drew itself, one in 4,000 has two; a permutation may be of few values, ten digits or five states.
_GRACE = {"pool": 2, "permutation": 3}
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: makes one number of two hashes


def compare_aligned(
    source: Session,
    target: Session,
    in_source: dict[TableName, Relation],
    in_target: dict[TableName, Relation],
    claims: Sequence[Claim],
    say: Progress,
) -> list[ColumnTest]:
    """One test per pool and permutation column, compared or not."""
    by_table: dict[TableName, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.codomain in ("pool", "permutation"):
            by_table[claim.column.table].append(claim)
    kept = {claim.column for claim in claims if claim.codomain == "same"}
    tests: list[ColumnTest] = []
    for table, of_table in by_table.items():
        here, there = in_source.get(table), in_target.get(table)
        why = _obstacle(here, there, kept)
        columns = (
            {c.name for c in here.columns} & {c.name for c in there.columns} if here and there else set()
        )
        ready = [] if why else [claim for claim in of_table if claim.column.column in columns]
        for claim in of_table:
            if claim not in ready:
                detail = why or "the column is not in both databases"
                tests.append(ColumnTest(claim.column, claim.codomain, "not tested", "not tested", detail))
        if ready and here and there:
            tests += _compare(source, target, here, there, ready, say)
    return tests


def _obstacle(here: Relation | None, there: Relation | None, kept: set[ColumnName]) -> str:
    """Why the rows of a table cannot be laid side by side; "" where they can."""
    if here is None or there is None:
        return "the table is not in both databases"
    if here.unreadable or there.unreadable:
        return here.unreadable or there.unreadable
    if not here.primary_key:
        return "the table has no primary key"
    if here.primary_key != there.primary_key:
        return "the primary keys differ"
    if any(ColumnName(there.name, column) not in kept for column in there.primary_key):
        return "the primary key is masked"
    return ""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Hashes of keys, sorted, and of the values beside them; 0 stands for NULL and ''."""

    keys: U64
    values: U64  # (columns, rows)

    def places(self, keys: U64) -> I64:
        """Where the rows of `keys` are, if they are here."""
        return np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))


def _compare(
    source: Session,
    target: Session,
    here: Relation,
    there: Relation,
    claims: list[Claim],
    say: Progress,
) -> list[ColumnTest]:
    key = HashKey()
    most = min(ROWS_COMPARED, HASHES_COMPARED // (1 + len(claims)))
    masked = _read(target, there, claims, key, most, say)
    original = _read(source, here, claims, key, len(masked.keys), say, beside=masked)
    at = masked.places(original.keys)
    return [_test(claim, original.values[i], masked.values[i][at], key) for i, claim in enumerate(claims)]


def _read(
    session: Session,
    relation: Relation,
    claims: list[Claim],
    key: HashKey,
    most: int,
    say: Progress,
    *,
    beside: _Rows | None = None,
) -> _Rows:
    """Keys and values of a table: the first `most` rows, or those whose key is among `beside`.

    Of these, a structured value that is the same in both and holds nothing that was to change, such as a document whose
    only text is the address of staff, or a composite whose only masked field is NULL, is no evidence: it counts as NULL.
    """
    columns = tuple(claim.column.column for claim in claims)
    shapes = {c.name: c.shape for c in relation.columns}
    folded = {a: frozenset(fold(v.encode()).strip() for v in a) for a in {c.accepted for c in claims}}
    accepted = [folded[claim.accepted] for claim in claims]
    rules = [None if claim.parts is None else changing(claim.parts) for claim in claims]
    width = len(relation.primary_key)
    query = relation.copy_query(relation.primary_key + columns) + (f" LIMIT {most}" if beside is None else "")
    keys = np.empty(most, dtype=np.uint64)
    values = np.empty((len(columns), most), dtype=np.uint64)
    rows = 0
    doing = f"comparing {relation.name}"
    for block in whole_rows(session.copy_out(query, doing=doing)):
        text, buffer, starts, ends = cut(block, width + len(columns))
        starts, ends = starts.reshape(-1, width + len(columns)), ends.reshape(-1, width + len(columns))
        say(doing, len(starts), len(block))
        of_key = keyed_hash(key, buffer, starts[:, 0], ends[:, width - 1] - starts[:, 0])
        if beside is not None:
            wanted = np.flatnonzero(contained(beside.keys, of_key))[: most - rows]
            starts, ends, of_key = starts[wanted], ends[wanted], of_key[wanted]
        keys[rows : rows + len(of_key)] = of_key
        found = values[:, rows : rows + len(of_key)]
        rows += len(of_key)
        for i in range(len(columns)):
            first, last = trimmed(buffer, starts[:, width + i], ends[:, width + i])
            found[i] = keyed_hash(key, buffer, first, last - first)
            null = (last == first) | ((last - first == 2) & (buffer[first] == _NOTHING))
            found[i][null] = 0
            shape = shapes[columns[i]]
            rule = rules[i]
            if beside is None or not len(of_key) or (rule is None and shape in (Shape.SCALAR, Shape.BINARY)):
                continue
            equal = (found[i] == beside.values[i][beside.places(of_key)]) & (found[i] != 0)
            for row in np.flatnonzero(equal).tolist():
                value = unescape_copy(text[first[row] : last[row]]).decode()
                said = leaves(value, shape) if rule is None else rule(value)
                # What has neither letters nor digits says nothing: an empty element, a path's lone slash.
                telling = (leaf for leaf in said if any(map(str.isalnum, leaf)))
                if all(fold(leaf.encode()).strip() in accepted[i] for leaf in telling):
                    found[i][row] = 0
    order = np.argsort(keys[:rows])
    for column in values:
        column[:rows] = column[:rows][order]
    return _Rows(keys[:rows][order], values[:, :rows])


def _test(claim: Claim, original: U64, masked: U64, key: HashKey) -> ColumnTest:
    accepted = hashes_of(key, claim.accepted)
    chosen = (original != 0) & (masked != 0) & ~np.isin(original, accepted)
    original, masked = original[chosen], masked[chosen]
    rows = len(original)
    if not rows:
        return ColumnTest(
            claim.column, claim.codomain, "not tested", "not tested", "no row with a value to compare"
        )
    draws = _Draws.of(original, masked)
    suspicious = draws.are_suspicious(_GRACE[claim.codomain])
    return ColumnTest(
        claim.column,
        claim.codomain,
        "aligned rows",
        "failed" if suspicious else "ok",
        "masked values equal their own source values more often than chance" if suspicious else "",
        rows=rows,
        draws=draws.count,
        accepted=int(np.count_nonzero(~chosen)) and len(accepted),
        equal=draws.equal,
        expected=round(draws.expected, 3),
    )


@dataclass(frozen=True, slots=True)
class _Draws:
    """What chance has dealt. A value that always becomes the same one is one draw, however many rows hold it (a town that
    drew itself brings all its people); of a value that becomes several, every row is one."""

    count: int
    equal: int
    expected: float  # equal ones, if the masked values were dealt at random

    @classmethod
    def of(cls, original: U64, masked: U64) -> _Draws:
        _, first, rows = np.unique(original * _MIXER ^ masked, return_index=True, return_counts=True)
        before, after = original[first], masked[first]  # each pair once
        _, value, kinds = np.unique(before, return_inverse=True, return_counts=True)
        constant = kinds[value] == 1
        weight = np.where(constant, 1, rows)
        return cls(
            int(weight.sum()),
            int(weight[before == after].sum()),
            _by_chance(before[~constant], original, masked) + _by_chance(before[constant], before, after),
        )

    def are_suspicious(self, grace: int) -> bool:
        """More than chance: by four standard deviations and a few draws of grace, or all. One draw alone says nothing."""
        most = self.expected + 4 * self.expected**0.5 + grace
        return self.equal > most or (self.count > 1 and self.equal == self.count)


def _by_chance(values: U64, original: U64, masked: U64) -> float:
    """How many draws of these values would be equal, if they were dealt what the draws of other values were."""
    held, counts = np.unique(original[np.isin(original, values)], return_counts=True)
    others, dealt = np.unique(masked[masked != original], return_counts=True)
    _, here, there = np.intersect1d(held, others, return_indices=True)
    return float(np.sum(counts[here] * dealt[there] / np.maximum(1, len(original) - counts[here])))

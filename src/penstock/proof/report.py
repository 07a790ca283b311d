"""What the proof reports: statuses, findings and coverage. Nothing here holds a value of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from penstock.catalog.model import ColumnName

Codomain = Literal["fresh", "pool", "permutation", "same", "constant"]
Progress = Callable[[str, int, int], None]
"""Told what is being done, "searching public.orders", and with how many rows and bytes it went on just now."""


class Status(StrEnum):
    """The outcome of a check. `OK`, `KNOWN` and `EXTRA` are a pass; `SKIPPED` never is."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    KNOWN = "known violation"  # the source breaks its own rule in the same way
    EXTRA = "extra"  # made by somebody in the copy; no loss


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `detail` explains everything but a plain ok."""

    kind: str  # "foreign key", "row count", "sequence", "structure", "generated column", "search column"
    subject: str
    status: Status
    detail: str = ""
    count: int = 0  # orphans, rows, differences


def overall(statuses: Iterable[Status]) -> str:
    """`failed` beats `incomplete` beats `ok`. Nothing checked at all is `incomplete`."""
    seen = set(statuses)
    if Status.FAILED in seen:
        return "failed"
    return "incomplete" if Status.SKIPPED in seen or not seen else "ok"


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """Whether the target is whole: references, counts, structure, sequences."""

    checks: tuple[Check, ...]
    seconds: float = 0.0

    @property
    def status(self) -> str:
        return overall(check.status for check in self.checks)

    @property
    def coverage(self) -> dict[str, dict[str, int]]:
        """Kind → status → number of checks."""
        counted: dict[str, dict[str, int]] = {}
        for check in self.checks:
            of_kind = counted.setdefault(check.kind, {status.value: 0 for status in Status})
            of_kind[check.status.value] += 1
        return counted

    @property
    def problems(self) -> tuple[Check, ...]:
        """Everything that is not a plain ok."""
        return tuple(check for check in self.checks if check.status is not Status.OK)

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "coverage": self.coverage,
            "seconds": round(self.seconds, 3),
            "problems": [asdict(check) for check in self.problems],
        }


class Verdict(StrEnum):
    """What a finding means for the proof."""

    LEAK = "leak"
    APART = "apart"  # what the source's unmasked column holds by right: nomenclature, categories
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a value is made of, and what of it was to stay.

    The fields of a composite in order, or the element of an array, or a document's JSONPaths, each with whether the
    leaves there stay; else a single value. What becomes `fresh`, a single value or the text at one of `fresh_paths`, is
    searched for like a fresh column; of a document's other leaves without a path, e-mails are.
    """

    stays: bool = False
    fresh: bool = False
    fields: tuple[Parts, ...] = ()
    element: Parts | None = None
    paths: tuple[tuple[str, bool], ...] | None = None
    fresh_paths: frozenset[str] = frozenset()

    @property
    def has_fresh(self) -> bool:
        """Whether any part may be searched for."""
        inner = self.fields if self.element is None else (*self.fields, self.element)
        return self.fresh or self.paths is not None or any(part.has_fresh for part in inner)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said to have become of a source column. `accepted`: values that stay real (staff).

    `parts`, of a column masked part by part: without it, all of its parts were to change.
    """

    column: ColumnName
    codomain: Codomain
    accepted: frozenset[str] = frozenset()
    parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Values of one source column that occur in one place of the target."""

    origin: ColumnName
    place: str  # a column of the target, or a text of its catalog
    verdict: Verdict
    values: int  # distinct
    rows: int
    whole_cells: int  # of these rows: the value is all the cell holds
    plain_words: int  # of these values: one word, letters only; they may be ordinary words of the language
    fingerprints: tuple[str, ...]  # of up to five of the values, under the key of this proof

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "origin": str(self.origin), "verdict": self.verdict.value}


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """Which test a masked source column had, and how it ended."""

    column: ColumnName
    codomain: Codomain
    test: str  # "absence", "aligned rows", "not tested"
    status: str  # "ok", "failed", "not tested"
    detail: str = ""
    rows: int = 0  # read from the source, or compared
    searched: int = 0  # distinct values searched for
    too_short: int = 0  # values below five characters or seven digits, with repeats
    fractions: int = 0  # numbers that are not whole, with repeats
    accepted: int = 0  # distinct values that may stay real
    draws: int = 0  # of the rows compared, those that count: one per value that always becomes the same one
    equal: int = 0  # of these, those whose masked value is their own source value
    expected: float = 0.0  # the same by chance
    out_of_reach: bool = (
        False  # the source has the column no more; what the target was made from was searched for it
    )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "column": str(self.column)}


@dataclass(frozen=True, slots=True)
class NotScanned:
    """A part of the target that was not searched, and the reason."""

    place: str
    why: str


@dataclass(frozen=True, slots=True)
class LeakCoverage:
    """How much of the target was searched."""

    columns: int
    columns_of: int
    rows: int
    cells: int
    bytes: int
    texts: int  # of the catalog
    not_scanned: tuple[NotScanned, ...]


LIMITS = (
    "case is folded; Unicode forms (NFC, NFD) are not",
    "escapes of JSON, arrays, composites, bytea, URLs, HTML and XML are undone",
    "base64, compressed and encrypted content is not decoded",
    "values below five characters, and whole numbers below seven digits, are not searched for",
    "whole numbers count as tokens of their own; numbers with a fraction are not searched for",
    "of a document's leaves without a path, e-mails alone are searched for: other words there are those of many columns",
    "pool and permutation columns: two or three of a column's values may be their own pseudonym, as chance has it",
    "tsvector: lexemes the stemmer left whole, one word at a time",
    "views and pg_statistic show rows of scanned tables and are not scanned themselves",
    "foreign tables hold no rows: what lies on another server is not scanned",
)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """Whether values of the source survive in the target."""

    findings: tuple[Finding, ...]
    tests: tuple[ColumnTest, ...]
    coverage: LeakCoverage
    seconds: float
    limits: tuple[str, ...] = LIMITS

    @property
    def leaks(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.verdict is Verdict.LEAK)

    @property
    def status(self) -> str:
        """The worst of it: `failed`, `incomplete` or `ok`.

        Failed: a leak, or a masked column that equals its source more often than chance. Incomplete: something was not
        scanned, or a fresh column that the source still has could not be read. That a pool or permutation column could
        not be compared is listed and no more: absence cannot be tested for it.
        """
        if self.leaks or any(t.status == "failed" for t in self.tests):
            return "failed"
        unread = any(
            t.codomain == "fresh" and t.status == "not tested" and not t.out_of_reach for t in self.tests
        )
        return "incomplete" if self.coverage.not_scanned or unread else "ok"

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "leaks": [f.as_dict() for f in self.leaks],
            "apart": [f.as_dict() for f in self.findings if f.verdict is Verdict.APART],
            "acknowledged": [f.as_dict() for f in self.findings if f.verdict is Verdict.ACKNOWLEDGED],
            "tests": [t.as_dict() for t in self.tests],
            "coverage": asdict(self.coverage),
            "limits": list(self.limits),
            "seconds": round(self.seconds, 3),
        }

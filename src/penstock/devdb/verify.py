"""Is the copy whole, and does anything of the source survive in it? Asked of `proof/`, which shares no code with the masks.

What a column is *claimed* to be comes from the decisions; whether the claim is true is found in the databases alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb.disarm.behind import behind, offered_extensions
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.array import Array
from penstock.masks.composite import Composite
from penstock.masks.contract import Codomain, Mask
from penstock.masks.json import Json
from penstock.policy.decision import Policy
from penstock.proof.integrity import check_integrity
from penstock.proof.leak import Claim, check_leaks
from penstock.proof.report import IntegrityReport, LeakReport, Parts


@dataclass(frozen=True, slots=True)
class Verification:
    """Both reports. A skipped check is never a pass.

    `leaks` is None for a prune whose source cannot be reached: it brings no row that the database it starts from does not
    hold, and that one was searched when it was made.
    """

    integrity: IntegrityReport
    leaks: LeakReport | None

    @property
    def passed(self) -> bool:
        return self.integrity.status == "ok" and (self.leaks is None or self.leaks.status == "ok")

    @property
    def headline(self) -> str:
        """One line for people."""
        parts = []
        if self.integrity.status != "ok":
            parts.append(f"integrity {self.integrity.status}")
        if self.leaks is None:
            parts.append("leaks not searched: the source was not reachable")
        elif self.leaks.leaks:
            values = sum(f.values for f in self.leaks.leaks)
            parts.append(
                f"{values} values of the source in {len({f.place for f in self.leaks.leaks})} places"
            )
        elif self.leaks.status != "ok":
            parts.append(f"leak check {self.leaks.status}")
        return ", ".join(parts) or "everything holds"

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed or was skipped, one line each, without values."""
        broken = tuple(
            f"{c.kind} {c.subject}: {c.detail or c.status.value}"
            for c in self.integrity.problems
            if c.status.value in ("failed", "skipped")
        )
        if self.leaks is None:
            return broken
        return (
            *broken,
            *(
                f"{f.values} values of {f.origin} occur in {f.place} ({f.rows} rows)"
                for f in sorted(self.leaks.leaks, key=lambda f: -f.rows)
            ),
            *(f"{t.column}: {t.detail}" for t in self.leaks.tests if t.status == "failed" and t.detail),
            *(f"{n.place} was not scanned: {n.why}" for n in self.leaks.coverage.not_scanned),
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "integrity": self.integrity.as_dict(),
            "leaks": self.leaks.as_dict() if self.leaks is not None else None,
        }


def verify(
    subset: Subset,
    source: Session,
    target: Session,
    progress: Progress,
    *,
    expected: Mapping[TableName, int] | None = None,
    in_use: bool = False,
) -> Verification:
    """Both checks on the target's session; the source is in its snapshot. `expected` rows: the closure's, by
    default. A target that is `in_use` may hold what people made there."""
    if expected is None:
        rows = subset.closure.rows
        expected = {
            name: rows[name].count if name in rows else 0
            for name in subset.catalog.leaves
            if name not in subset.skip
        }
    tasks = Tasks(progress)
    staying = behind(source, subset, offered_extensions(target))
    with nullcontext() if target.connection.is_in_transaction() else target.transaction():
        found = reflect(target)
        # What somebody added to an extension, whose script does not make it; told by `uncarried`.
        added = {t.name for t in subset.catalog if t.extension and t.name not in found.tables}
        integrity = check_integrity(
            target,
            found,
            subset.catalog,
            expected,
            source=source,
            skipped=frozenset(staying.relations) | staying.members | added,
            absent=staying.extensions,
            disarmed=staying.disarmed_triggers,
            disarmed_rules=staying.disarmed_rules,
            emptied=frozenset(
                name
                for name, decision in subset.policy.decisions.items()
                if decision.contract is not None and decision.contract.codomain is Codomain.CONSTANT
            ),
            in_use=in_use,
            large_objects=subset.large_objects,
            progress=tasks,
        )
        leaks = check_leaks(
            source,
            target,
            claims_of(subset),
            nomenclature=subset.keep,
            acknowledged=subset.acknowledged,
            progress=tasks,
        )
    tasks.finish()
    return Verification(integrity, leaks)


class Tasks:
    """What the proof says it is at, as one task after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._at = ""

    def __call__(self, doing: str, rows: int, size_bytes: int) -> None:
        if doing != self._at:
            self.finish()
            self._progress.start(doing)
            self._at = doing
        self._progress.advance(doing, rows, size_bytes)

    def finish(self) -> None:
        if self._at:
            self._progress.finish(self._at)
            self._at = ""


def claims_of(subset: Subset) -> list[Claim]:
    """What the decisions say has become of every column that was copied."""
    return policy_claims(subset.policy, subset.nulled)


def policy_claims(policy: Policy, nulled: Mapping[TableName, frozenset[str]]) -> list[Claim]:
    """The same of all columns but those written as NULL. A value that stays real in one column may stand in any that
    holds it (an array of e-mails), so all claims accept it."""
    real = frozenset[str]().union(*policy.real.values())
    return [
        Claim(name, decision.contract.codomain.value, real, _structure(decision.mask))
        for name, decision in policy.decisions.items()
        if decision.contract is not None and name.column not in nulled.get(name.table, frozenset())
    ]


def _structure(mask: Mask | None) -> Parts | None:
    """The parts of a document, a composite, or an array of these."""
    parts = _parts(mask) if mask is not None else Parts()
    inner = parts
    while inner.element is not None:
        inner = inner.element
    return parts if inner.fields or inner.paths is not None else None


def _parts(mask: Mask) -> Parts:
    match mask:
        case Json():
            of_path = list(zip(mask.options.paths, mask.inner, strict=True))
            return Parts(
                paths=tuple((path, _stays(leaf)) for path, leaf in of_path),
                fresh_paths=frozenset(path for path, leaf in of_path if _is_fresh(leaf)),
            )
        case Array():
            return Parts(element=_parts(mask.element))
        case Composite():
            return Parts(fields=tuple(map(_parts, mask.inner)))
    return Parts(_stays(mask), _is_fresh(mask))


def _stays(mask: Mask) -> bool:
    """Whether a value that is still there says nothing: kept, or perhaps the constant already."""
    contract = mask.contract()
    is_constant = contract.codomain is Codomain.CONSTANT and not contract.makes_null
    return is_constant or contract.codomain is Codomain.SAME


def _is_fresh(mask: Mask) -> bool:
    return mask.contract().codomain is Codomain.FRESH

"""What discovery says of a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.catalog.model import ColumnName


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rule's view of a column. The heaviest one wins; `certain` ones are written in force."""

    mask: str
    certain: bool
    evidence: str
    weight: int = 50  # 90: the name says it literally … 10: only the type speaks
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_personal(self) -> bool:
        return self.mask != "keep"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The judgement that won, for a column nobody decided about."""

    column: ColumnName
    rule: str
    judgement: Judgement

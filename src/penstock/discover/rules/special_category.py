"""What the law calls special, and money: health, origin, belief, orientation, salary. A person decides."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_SPECIAL = word_set(
    """
    gender religion ethnicity ethnic race nationality citizenship disability diagnosis allergy
    medication blood sexual orientation pronoun marital criminal conviction union political biometric
    fingerprint genetic
    """
)
_MONEY = ("salary", "wage", "income", "net worth", "credit score", "credit limit", "hourly rate", "bonus")
_FLAGS = frozenset({Family.BOOLEAN})


def judge(column: ColumnContext) -> Judgement | None:
    if column.table.is_nomenclature:
        return None
    said = _SPECIAL & set(column.words)
    if said and column.table.is_about_people:
        return Judgement("null", certain=False, evidence=f"speaks of a person's {min(said)}", weight=78)
    if column.ends_with(*_MONEY) and column.family not in _FLAGS:
        return Judgement("keep", certain=False, evidence="what a person earns or owns", weight=70)
    return None

"""What the law calls special, and money: health, origin, belief, orientation, salary. A person decides."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_nothing
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_SPECIAL = word_set(
    """
    gender religion ethnicity ethnic race nationality citizenship disability diagnosis allergy
    medication blood sexual orientation pronoun marital criminal conviction union political biometric
    fingerprint genetic
    """
)
# What is ticked or measured of a person. As text it is for other rules.
_MEDICAL = word_set(
    """
    medical hiv pregnant pregnancy vaccinated vaccination symptom illness disease handicap icd snomed
    bmi glucose cholesterol smoker iq gpa caste tribe faith veteran offence
    """
)
# Issues have a weight, images a height, servers their health: only of a person are they personal.
_OF_A_BODY = word_set("weight height health heart arrest offense therapy denomination")
_MONEY = ("salary", "wage", "income", "net worth", "credit score", "credit limit", "hourly rate", "bonus")
# Of a person; of anything else they are an amount like others.
_OWNED = (
    "balance", "debt", "pension", "commission", "compensation", "remuneration", "net pay", "gross pay", "pay",
    "stipend", "loan", "mortgage", "alimony", "earnings", "earning",
)  # fmt: skip
_COUNTS = ("id", "count", "type", "version")
_FLAGS = frozenset({Family.BOOLEAN})


def judge(column: ColumnContext) -> Judgement | None:
    if column.table.is_nomenclature:
        return None
    said = _SPECIAL & set(column.words)
    if said and column.table.is_about_people:
        return Judgement("null", certain=False, evidence=f"speaks of a person's {min(said)}", weight=78)
    if column.ends_with(*_MONEY) and column.family not in _FLAGS:
        return Judgement("keep", certain=False, evidence="what a person earns or owns", weight=70)
    if not column.is_bare or column.head in _COUNTS:
        return None
    of_person = column.is_about_a_person
    looked_for = _SPECIAL | _MEDICAL if of_person or column.table.is_of_people else frozenset()
    measured = (looked_for | _OF_A_BODY if of_person else looked_for) & set(column.words)
    if measured:
        return as_nothing(column, f"speaks of a person's {min(measured)}", weight=60)
    owned = of_person and column.mentions(*_OWNED)
    if column.is_numbers and (owned or column.mentions(*_MONEY)):
        return Judgement("keep", certain=False, evidence="what a person earns or owns", weight=60)
    return None

"""Numbers whose name says somewhere, not at its end, what leads to a person: `phone_home bigint`, `ssn_part numeric`."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement
from penstock.discover.rules import bank, credit_card, identity_number, location, phone
from penstock.discover.vocabulary import word_set

_PHRASES = (
    "iban",
    *identity_number.ENDINGS,
    *credit_card.ENDINGS,
    *bank.ENDINGS,
    *phone.ENDINGS,
    *location.ENDINGS,
)
# What is counted or measured of such numbers, and keys of the tables they stand in.
_OF_THEM = word_set("id count total limit length version status type attempt size")


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_numbers or column.head in _OF_THEM or column.table.is_nomenclature:
        return None
    said = column.mentions(*_PHRASES)
    return as_number(column, f"the name speaks of a {said}", weight=20, certain=False) if said else None

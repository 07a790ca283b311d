"""Numbers that states and institutions give to people."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

ENDINGS = (
    "social security number", "social security", "national insurance number", "insurance number",
    "ni number", "tax number", "tax id", "tax identifier", "vat number", "passport", "passport number",
    "national id", "national id number", "national identifier", "identity number", "identity card",
    "id card", "id card number", "driver license", "driver license number", "driving licence",
    "driving licence number", "license number", "licence number", "license plate", "registration number",
    "patient number", "medical record number", "nhs number", "policy number", "trn", "student number",
    "citizen number", "personal number", "fiscal code", "curp", "aadhaar", "imei number", "employee number",
    "member number", "passport id", "document number", "teacher reference number", "personal id",
)  # fmt: skip

# States call them by names that mean other things elsewhere.
_SHORT = word_set("sin bsn dni nie rut nhs mrn pan pesel personnummer nric cnp oib egn jmbg")


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with(*ENDINGS) or (column.head in _SHORT and column.table.is_about_people):
        if column.is_texts:
            return Judgement("text", certain=True, evidence="a number that names a person", weight=88)
        if column.is_numbers:
            return as_number(column, "a number that names a person", weight=88)
    return None

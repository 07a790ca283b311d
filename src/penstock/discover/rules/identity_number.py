"""Numbers that states and institutions give to people."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

_ENDINGS = (
    "social security number", "social security", "national insurance number", "insurance number",
    "ni number", "tax number", "tax id", "tax identifier", "vat number", "passport", "passport number",
    "national id", "national id number", "national identifier", "identity number", "identity card",
    "id card", "id card number", "driver license", "driver license number", "driving licence",
    "driving licence number", "license number", "licence number", "license plate", "registration number",
    "patient number", "medical record number", "nhs number", "policy number", "trn", "student number",
    "citizen number", "personal number", "fiscal code", "curp", "aadhaar", "imei number", "employee number",
    "member number", "passport id", "document number", "teacher reference number", "personal id",
)  # fmt: skip


def judge(column: ColumnContext) -> Judgement | None:
    if column.ends_with(*_ENDINGS):
        if column.is_texts:
            return Judgement("text", certain=True, evidence="a number that names a person", weight=88)
        if column.family is Family.INTEGER:
            return Judgement("integer", certain=True, evidence="a number that names a person", weight=88)
    return None

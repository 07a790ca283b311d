"""Whole names of people: `full_name`, `contact_name`, `name` in a table of people, `ship_name` beside `ship_address`.

A bare `name` in a table of things is left to `thing_name`; in a table we know nothing of it is an open question.
"""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import ORGANISATIONS, PEOPLE, THINGS

_ROLES_AS_COLUMNS = PEOPLE | {"composer", "director", "editor", "creator"}
_ON_PARCELS = (
    "recipient",
    "addressee",
    "consignee",
    "attention",
    "card holder",
    "account holder",
    "cardholder",
)


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_texts:
        return None
    words = column.words
    if column.ends_with("full name", "holder name", "real name", "legal name", "cardholder"):
        return Judgement("person_name", certain=True, evidence="the name says a person's name", weight=88)
    if column.ends_with(*_ON_PARCELS) and (column.head == "holder" or column.table.is_about_places):
        return Judgement("person_name", certain=True, evidence=f"the name of a {column.head}", weight=75)
    if column.is_text and column.head == "by":
        return Judgement("text", certain=False, evidence="may say who did it", weight=35)
    if column.head == "name" and len(words) > 1:
        if words[-2] in PEOPLE - ORGANISATIONS:
            return Judgement("person_name", certain=True, evidence=f"the name of a {words[-2]}", weight=86)
        if words[-2] not in THINGS | ORGANISATIONS and _has_address_beside(column):
            return Judgement(
                "person_name", certain=True, evidence="a name with an address beside it", weight=68
            )
        if words[-2] == "previous" or (words[-2] == "display" and column.table.is_about_people):
            return Judgement("person_name", certain=True, evidence="a name in a table of people", weight=70)
        if words[-2] not in THINGS | ORGANISATIONS:
            return Judgement("text", certain=False, evidence="a name, perhaps of a person", weight=30)
    if words == ("name",):
        if column.table.is_about_organisations:
            return None
        if column.table.is_about_people:
            return Judgement("person_name", certain=True, evidence="the name of a person", weight=72)
        if not column.table.is_about_things:
            return Judgement("text", certain=False, evidence="a name, perhaps of a person", weight=30)
    if column.is_text and column.head in _ROLES_AS_COLUMNS:
        return Judgement("person_name", certain=False, evidence=f"may name a {column.head}", weight=35)
    return None


def _has_address_beside(column: ColumnContext) -> bool:
    """Whether the table has an address with the same words before it."""
    prefix = column.words[:-1]
    return any(
        other[: len(prefix)] == prefix and other[-1:] in (("address",), ("street",), ("line",), ("city",))
        for other in column.table.column_words
    )

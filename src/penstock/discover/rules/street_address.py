"""Street addresses and their lines."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_NOT_POSTAL = word_set(
    """
    ip mac email url web wallet contract memory device network host server bitcoin
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_numbers and column.ends_with("house number", "building number", "street number"):
        return as_number(column, "the number of a house", weight=85)
    if not column.is_texts or _NOT_POSTAL & set(column.words):
        return None
    if column.ends_with(
        "address", "street", "address line", "street name", "house number", "building number"
    ):
        return Judgement("street_address", certain=True, evidence="the name says postal address", weight=85)
    if (
        column.words
        and column.words[-1] == "line"
        and (column.has("address") or column.table.is_about_places)
    ):
        return Judgement("street_address", certain=True, evidence="a line of a postal address", weight=85)
    if column.words[-2:] in (("line", "one"), ("line", "two")):
        return Judgement("street_address", certain=True, evidence="a line of a postal address", weight=85)
    return None

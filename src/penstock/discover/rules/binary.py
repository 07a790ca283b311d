"""Images and files inside the database."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_IMAGES = word_set(
    """
    photo picture image thumbnail icon logo
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    if column.family is not Family.BINARY:
        return None
    if column.table.is_about_people:
        return Judgement("null", certain=True, evidence="bytes that belong to a person", weight=70)
    if column.table.is_about_things and not column.table.is_made_by_people and column.head in _IMAGES:
        return Judgement("keep", certain=True, evidence="the image of a thing", weight=60)
    return Judgement("null", certain=False, evidence="bytes may hold anything", weight=30)

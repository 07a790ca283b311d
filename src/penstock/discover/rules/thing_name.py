"""Names and descriptions of things: `film.title`, `product_name`, `album.title`."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import PEOPLE, THINGS, word_set

_NAMING = word_set(
    """
    name title label description summary code slug abbreviation abbr symbol sku barcode ean isbn caption
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text or column.head not in _NAMING:
        return None
    owner = column.words[-2] if len(column.words) > 1 else column.table.subject
    about_things = column.table.is_about_things or (
        len(column.words) > 1 and not column.table.is_about_people
    )
    if owner in THINGS - PEOPLE and about_things:
        return Judgement("keep", certain=True, evidence=f"the {column.head} of a {owner}", weight=64)
    if column.table.is_about_things and not PEOPLE & set(column.words):
        return Judgement(
            "keep", certain=True, evidence=f"the {column.head} of a {column.table.subject}", weight=62
        )
    return None

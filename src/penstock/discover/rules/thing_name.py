"""Names and descriptions of things: `film.title`, `product_name`, `album.title`.

Certain only where the thing is one of everybody's. What people make for themselves they also name as they like, and a
description of anything but a catalogue's things is free text.
"""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import CATALOGUE, NOMENCLATURE, OWN_THINGS, PEOPLE, THINGS, word_set

_NAMING = word_set("name title label code slug abbreviation abbr symbol sku barcode ean isbn")
_DESCRIBING = word_set("description summary caption")


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text or column.head not in _NAMING | _DESCRIBING or column.ends_with("job title"):
        return None
    owner = _owner(column)
    if owner is None or (column.head in _DESCRIBING and owner not in CATALOGUE | NOMENCLATURE):
        return None
    certain = owner not in OWN_THINGS
    evidence = f"the {column.head} of a {owner}" + ("" if certain else ", which people name as they like")
    return Judgement("keep", certain=certain, evidence=evidence, weight=64)


def _owner(column: ColumnContext) -> str | None:
    """The thing that the column names: `product` of `product_name`, the table's subject for a bare `name`."""
    before = column.words[:-1]
    if before and before[-1] in THINGS - PEOPLE:
        return before[-1] if column.table.is_about_things or not column.table.is_about_people else None
    # A word we do not know may be a person: the director_name of a film, the tutor_name of a course.
    is_bare = set(before) <= {*column.table.words, *_PLAIN}
    if column.table.is_about_things and is_bare and not PEOPLE & set(before):
        return column.table.subject
    return None


_PLAIN = word_set("short long full internal external public reference code")

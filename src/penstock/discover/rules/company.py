"""Companies: no persons, but customers' and suppliers' names are as confidential."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import ORGANISATIONS


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text:
        return None
    words = column.words
    if words[-1:] in (("company",), ("employer",), ("organisation",), ("organization",)):
        return Judgement("company", certain=True, evidence="the name says company", weight=80)
    if column.head == "name" and len(words) > 1 and words[-2] in ORGANISATIONS:
        return Judgement("company", certain=True, evidence=f"the name of a {words[-2]}", weight=84)
    if words in (("name",), ("legal", "name"), ("trading", "name")) and column.table.is_about_organisations:
        return Judgement("company", certain=True, evidence="the name of an organisation", weight=74)
    return None

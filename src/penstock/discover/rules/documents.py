"""JSON, XML and what we cannot look into. An audit table's rows repeat everything, so theirs are masked at once."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.family is Family.JSON:
        if column.table.is_record_of_changes:
            return Judgement(
                "json", certain=True, evidence="a record of changes repeats other tables", weight=80
            )
        if column.table.is_about_things:
            return Judgement("keep", certain=False, evidence="a document about a thing", weight=40)
        return Judgement("json", certain=False, evidence="a document may hold anything", weight=40)
    if column.family in (Family.XML, Family.OTHER):
        return Judgement("null", certain=False, evidence="a document may hold anything", weight=40)
    return None

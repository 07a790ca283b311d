"""Towns, and the regions that go with an address. Lists of the world's towns are `nomenclature`."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

_TOWNS = ("city", "town", "village", "locality", "suburb", "municipality", "birth place", "place of birth")
_REGIONS = ("district", "county", "province", "region", "prefecture", "neighborhood", "neighbourhood")


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_texts:
        return None
    if column.ends_with(*_TOWNS):
        return Judgement("city", certain=True, evidence="a town", weight=80)
    if not has_address(column):
        return None
    short = column.column.type.length is not None and column.column.type.length < 4
    if column.ends_with(*_REGIONS) or column.head == "state":
        return Judgement(
            "text" if short else "city", certain=True, evidence="a region of an address", weight=75
        )
    return None


def has_address(column: ColumnContext) -> bool:
    """Whether the table holds postal addresses."""
    parts = ("address", "street", "postal", "city", "line")
    return column.table.is_about_places or any(
        part in other for other in column.table.column_words for part in parts
    )

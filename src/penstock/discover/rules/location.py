"""Where somebody or something is, as coordinates."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    known = column.table.is_nomenclature
    if column.family is Family.GEOMETRY:
        return Judgement("null", certain=False, evidence="coordinates", weight=60)
    if column.ends_with("latitude", "longitude", "coordinate", "geolocation", "geohash", "gps"):
        if known:
            return Judgement("keep", certain=True, evidence="where a place of the world is", weight=85)
        return Judgement("null", certain=False, evidence="coordinates", weight=80)
    return None

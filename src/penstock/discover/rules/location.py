"""Where somebody or something is, as coordinates."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_nothing
from penstock.discover.proposal import Judgement

ENDINGS = ("latitude", "longitude", "coordinate", "geolocation", "geohash", "gps", "easting", "northing")
_PLACES = ("location", "position", "point", "geo", "geom", "place")


def judge(column: ColumnContext) -> Judgement | None:
    known = column.table.is_nomenclature
    if column.value.family is Family.GEOMETRY:
        return as_nothing(column, "coordinates", weight=60)
    if column.ends_with(*ENDINGS):
        if known:
            return Judgement("keep", certain=True, evidence="where a place of the world is", weight=85)
        return as_nothing(column, "coordinates", weight=80)
    if column.is_numbers and column.ends_with(*_PLACES) and not known and column.column.type.element:
        return as_nothing(column, "numbers that may be coordinates", weight=40)
    return None

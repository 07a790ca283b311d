"""Dates of events pass; dates of a person's life (hired, left, married) are shifted with the person."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_nothing
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_LIFE = word_set(
    """
    hire hired hiring employed termination terminated resigned retired married divorced joined
    graduation
    """
)
_EVENTS = word_set(
    """
    create created creation update updated modify modified delete deleted order ordered require required
    ship shipped shipping delivery delivered invoice invoiced issue issued due pay paid payment start
    started end ended begin finish valid effective expire expiry expiration expires from to until
    release released publish published close closed open opened process processed send sent receive
    received return returned rental sale transaction booking snapshot run load loaded import imported
    report period accounting posting value registration review approved submitted completed cancelled
    scheduled month week day quarter year term deadline target applications checked
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    family = column.value.family
    if family not in (Family.DATE, Family.TIMESTAMP, Family.RANGE):
        return None
    if _LIFE & set(column.words) and column.table.is_about_people:
        if family is Family.RANGE:
            return as_nothing(column, "a time of a person's life", weight=70)
        return Judgement("date_shift", certain=True, evidence="a date in a person's life", weight=70)
    of_document = column.has("passport", "visa", "licence")
    is_event = bool(_EVENTS & set(column.words)) or column.head in ("on", "at")
    if column.family is Family.DATE and is_event and not of_document:
        return Judgement("keep", certain=True, evidence="the date of an event", weight=50)
    if column.family is Family.DATE:
        return Judgement("date_shift", certain=False, evidence="a date of something unknown", weight=20)
    return None

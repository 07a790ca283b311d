"""Lists of the world's things: countries, currencies, categories. Their names are nobody's."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_NAMING = word_set(
    """
    name title code description label abbr abbreviation symbol slug iso short long key value sign region
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    if not (column.is_text and column.table.is_nomenclature):
        return None
    is_key = (
        column.table.table.primary_key is not None
        and column.name.column in column.table.table.primary_key.columns
    )
    if column.head in _NAMING or column.head in column.table.words or is_key:
        text = f"a list of {column.table.table.name.table}, nobody's data"
        return Judgement("keep", certain=True, evidence=text, weight=96)
    return None

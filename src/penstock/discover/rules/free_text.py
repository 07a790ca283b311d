"""What people type: notes, comments, messages. Names of anybody may be in it."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_TYPED = word_set(
    """
    note comment remark message body feedback biography bio about memo review complaint suggestion query
    question answer instruction reply response transcript reasoning narrative testimonial observation
    signature
    """
)
_PERHAPS = word_set(
    """
    description detail summary text content subject caption reason explanation title details
    """
)


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text:
        return None
    if column.head in _TYPED:
        return Judgement("free_text", certain=True, evidence="text that people type", weight=66)
    if column.head in _PERHAPS:
        return Judgement("free_text", certain=False, evidence="perhaps text that people type", weight=40)
    return None

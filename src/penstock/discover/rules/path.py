"""Names and paths of files: people put names into them."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_text and column.ends_with(
        "path", "file name", "file path", "file", "directory", "object key"
    ):
        return Judgement("path", certain=True, evidence="the name says file or path", weight=82)
    return None

"""Words out of a short list of the program's own: status, type, currency, mime type, version."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_CODES = word_set(
    """
    status type kind mode method channel role level category unit format version color colour size
    priority severity scope tier frequency interval visibility encoding protocol environment platform
    algorithm outcome stage phase object action event extension currency class brand funding network
    grade rank weekday aasm mimetype sku barcode checksum etag
    """
)
_ENDINGS = (
    "content type",
    "mime type",
    "status code",
    "error code",
    "failure code",
    "reason code",
    "product code",
    "job class",
    "type id",
    "bucket",
    "table name",
    "schema name",
    "class name",
    "model name",
    "event name",
    "queue name",
    "field name",
)

# As arrays; alone they may be anything.
_LISTED = frozenset(
    {"feature", "tag", "topic", "keyword", "flag", "permission", "genre", "skill", "option", "scope"}
)


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_texts:
        return None
    if column.head in _CODES or column.ends_with(*_ENDINGS):
        return Judgement(
            "keep", certain=True, evidence=f"a {column.head} out of the program's own list", weight=58
        )
    if not column.is_text and column.head in _LISTED:
        return Judgement("keep", certain=True, evidence=f"a list of {column.head}s to choose from", weight=58)
    if column.head == "state" and not column.table.is_about_places:
        return Judgement("keep", certain=True, evidence="the state of something", weight=56)
    return None

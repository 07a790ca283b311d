"""Words out of a short list of the program's own: status, type, currency, mime type, version."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement
from penstock.discover.vocabulary import word_set

_CODES = word_set(
    """
    type kind mode method role unit format version color colour size priority severity scope tier
    frequency interval visibility encoding protocol platform algorithm currency funding weekday aasm
    mimetype sku barcode checksum etag
    """
)
# Of a person they say more than a program's list: the stage of an illness, a status message.
_UNLESS_OF_PEOPLE = word_set("status state level brand object")
# The program's own where things or changes are listed; elsewhere people may type them.
_CHOSEN = word_set("category class channel network grade rank outcome stage phase action event environment")
_ENDINGS = (
    "content type",
    "mime type",
    "status code",
    "error code",
    "failure code",
    "reason code",
    "product code",
    "file extension",
    "type id",
    "bucket",
    "table name",
    "schema name",
    "class name",
    "model name",
    "queue name",
    "field name",
)
# As arrays; alone they may be anything. Tags, topics, keywords and skills are what people type.
_LISTED = frozenset({"feature", "flag", "permission", "genre"})
_SHORT = 32  # characters of a declared length that leave no room for a story


def judge(column: ColumnContext) -> Judgement | None:
    is_explanation = column.words[:1] == ("reason",) and len(column.words) > 2  # reason_leaving_role
    if not column.is_texts or is_explanation:
        return None
    head, table = column.head, column.table
    is_class_of_code = head == "class" and len(column.words) > 1
    if head in _CODES or is_class_of_code or column.ends_with(*_ENDINGS):
        return _keep(f"a {head} out of the program's own list")
    if not column.is_text and head in _LISTED and not table.is_about_people:
        return _keep(f"a list of {head}s to choose from")
    length = column.column.type.innermost.length if column.is_text else None
    is_short = length is not None and length <= _SHORT
    if head in _UNLESS_OF_PEOPLE and not (head == "state" and table.is_about_places):
        if is_short or not table.is_about_people:
            return _keep(f"the {head} of something")
        return _keep(f"the {head} of a person, perhaps in somebody's words", certain=False)
    if head in _CHOSEN:
        of_things = table.is_about_things and not table.is_made_by_people
        if is_short or ((of_things or table.is_record_of_changes) and not table.is_about_people):
            return _keep(f"a {head} out of the program's own list")
        return _keep(f"a {head}, perhaps in somebody's words", certain=False)
    return None


def _keep(evidence: str, *, certain: bool = True) -> Judgement:
    return Judgement("keep", certain=certain, evidence=evidence, weight=58)

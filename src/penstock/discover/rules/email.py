"""E-mail addresses: `email`, `contact_email`, `EmailAddress`, `email_normalized`; not `email_count`, `email_type`."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.is_texts and column.ends_with("email", "email address", "email id"):
        return Judgement("email", certain=True, evidence="the name says e-mail address", weight=92)
    if (
        column.is_text
        and column.head in ("to", "from", "cc", "bcc", "recipient", "sender")
        and ("email" in column.table.words or "message" in column.table.words)
    ):
        return Judgement("email", certain=False, evidence="who a message goes to or comes from", weight=60)
    return None

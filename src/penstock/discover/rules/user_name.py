"""What people log in with, and how other systems call them."""

from __future__ import annotations

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if not column.is_text:
        return None
    if column.ends_with(
        "user name", "screen name", "handle", "skype", "linkedin", "twitter", "facebook", "instagram"
    ):
        return Judgement("text", certain=True, evidence="the name says user name", weight=88)
    if column.ends_with(
        "user uid", "subject key", "subject identifier", "external user id", "sign in user id"
    ):
        return Judgement("text", certain=True, evidence="an account at an identity provider", weight=70)
    if column.words in (("sub",), ("uid",)) and column.table.is_about_people:
        return Judgement("text", certain=True, evidence="an account at an identity provider", weight=70)
    return None

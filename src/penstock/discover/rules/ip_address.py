"""Addresses of machines that lead to people: IP and MAC."""

from __future__ import annotations

from penstock.catalog.types import Family
from penstock.discover.context import ColumnContext
from penstock.discover.numbers import as_number
from penstock.discover.proposal import Judgement


def judge(column: ColumnContext) -> Judgement | None:
    if column.value.family is Family.NETWORK:
        return Judgement("ip", certain=True, evidence="a network address", weight=90)
    if column.value.family is Family.MAC:
        return Judgement("mac", certain=True, evidence="a hardware address", weight=90)
    if column.ends_with("ip", "ip address", "remote address", "client ip", "purchase ip", "ip number"):
        if column.is_text:
            return Judgement("ip", certain=True, evidence="the name says IP address", weight=94)
        if column.is_numbers:
            return as_number(column, "an IP address as a number", weight=94)
    if column.is_text and column.ends_with("mac", "mac address"):
        return Judgement("mac", certain=True, evidence="the name says MAC address", weight=94)
    return None

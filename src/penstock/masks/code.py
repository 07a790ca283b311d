"""`code`: another code of the same layout, for keys and references that people made up."""

from __future__ import annotations

from penstock.masks.parts.layout import LayoutMask


class Code(LayoutMask):
    """Digits become digits, letters letters of their case; all characters of a code are permuted together.

    Unlike `digits` it leaves no letter as it was, and unlike `text` it is injective in columns as short as char(5).
    """

    name = "code"
    summary = "another code of the same layout, letters and digits; never two values to one"
    example = ("ALFKI", "five other letters")
    default_domain = "code"

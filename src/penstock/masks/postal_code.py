"""`postal_code`: another code of the same layout."""

from __future__ import annotations

from penstock.masks.parts.layout import LayoutMask


class PostalCode(LayoutMask):
    """Digits become digits, letters letters of their case. The code need not exist, nor lie in the row's country."""

    name = "postal_code"
    summary = "another postal code of the same layout; never two values to one"
    example = ("SW1A 2aa", "two letters, a digit, a letter, a blank …")
    default_domain = "place.postal_code"

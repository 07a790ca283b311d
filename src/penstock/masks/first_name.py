"""`first_name`: first names, word by word."""

from __future__ import annotations

from penstock.masks.parts.words import NameMask


class FirstName(NameMask):
    """Each word becomes a first name of the pool: `Mary Ann` two of them, `MARY` one in capitals, `M.` an initial."""

    name = "first_name"
    summary = "first names from a pool; number of words and letter case stay"
    example = ("MARY ANN", "two other first names in capitals")
    default_domain = "person.first_name"
    pool_name = "first_names"

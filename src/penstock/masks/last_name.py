"""`last_name`: family names, word by word."""

from __future__ import annotations

from penstock.masks.parts.words import NameMask


class LastName(NameMask):
    """Each word becomes a family name of the pool; small particles (`van der`) and `Jr` stay."""

    name = "last_name"
    summary = "family names from a pool; number of words, particles and letter case stay"
    example = ("van der Berg", "van der and another family name")
    default_domain = "person.last_name"
    pool_name = "last_names"

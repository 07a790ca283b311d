"""Which keys of JSON objects name fields, by their looks; the others are data: `{"ana@shop.example": 3}`."""

from __future__ import annotations

import re

_MOST_CHARACTERS = 64
_MOST_DIGITS = 4  # sha256, iso3166, year_2024; an id, a telephone number or a date of birth has more
_MOST_NUMBERS = 2  # i18n, line_2_of_3; a random token mixes letters and digits more often
_MOST_DIGITS_ALONE = 3  # positions in a list that somebody wrote as an object

_DIGITS = re.compile(r"\d+")
_JOINERS = str.maketrans("-.$", "___")


def names_a_field(key: str) -> bool:
    """Whether a key looks like the name of a field: letters, few digits, `_ - . $`, and one colon for a namespace.

    Blanks, an @, a slash, a plus, many digits or nothing but digits and signs are the looks of data. A single word may
    be either (`ana`) and is taken for a name of a field.
    """
    digits = _DIGITS.findall(key)
    if sum(map(len, digits)) > _MOST_DIGITS or len(digits) > _MOST_NUMBERS or len(key) > _MOST_CHARACTERS:
        return False
    if key.isdigit():
        return len(key) <= _MOST_DIGITS_ALONE
    words = key.split(":")
    # An identifier of Python has no digit in front, but 2fa_enabled names a field.
    return (
        len(words) <= 2
        and any(map(str.isalpha, key))
        and all(word and ("_" + word.translate(_JOINERS)).isidentifier() for word in words)
    )

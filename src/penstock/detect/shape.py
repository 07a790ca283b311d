"""The shape of a value: what it looks like without what it says. `Ana.S1@example.org` is `Aaa.A9@aaaaaaa.aaa`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 48  # characters shown
_STEPS = (
    (r"[\p{Lo}\p{Lm}\p{Lt}\p{M}]", "\x01"),  # letters without case, marks: x in the end
    (r"\p{Lu}", "A"),
    (r"\p{Ll}", "a"),
    (r"\p{N}", "9"),
    (r"\s", " "),
    (r"\x01", "x"),
    (r"[^\x20-\x7e…]", "?"),
)


def shape(values: pa.Array, longest: int = LONGEST) -> pa.Array:
    """The shapes of strings, element by element: letters are A, a or x, digits 9; ASCII punctuation stays.

    At most `longest` characters, with … for the rest. NULL stays NULL.
    """
    values = values.cast(pa.large_string())
    text = values.type
    cut = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(values, 0, longest), pa.scalar("…", text), pa.scalar("", text)
    )
    values = pc.if_else(pc.greater(pc.utf8_length(values), longest), cut, values)
    for pattern, sign in _STEPS:
        values = pc.replace_substring_regex(values, pattern=pattern, replacement=sign)
    return values

"""A value that cannot be shown by accident.

Whatever prints, formats, logs or serialises a `Secret` gets asterisks or an error; `reveal` is the only way out, so
that a review finds every use with one search. Creating one teaches the scrubber its value.
"""

from __future__ import annotations

import hmac
from typing import Never

from penstock.project.redact import MASK, remember


class Secret:
    """A secret text and where it came from (`.env:3`, `environment PROD_PASSWORD`): the origin may be shown."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        remember(value)
        self._value = value
        self.origin = origin

    def reveal(self) -> str:
        """The secret itself, for the driver or the cipher that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK}, from {self.origin})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> Never:
        raise TypeError(
            "a Secret is not serialised: send the connection's name, and resolve it where it is used"
        )

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

"""Made-up strings that match a regular expression, for trying masks on columns whose CHECK wants a format.

Knows what format CHECKs are made of: literals, classes, groups, alternatives, quantifiers. Whatever else a pattern
holds gives no strings. What comes out need not match: the caller tries the condition on it anyway.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

_CLASSES = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": " "}
_POSIX = {
    "[:digit:]": string.digits,
    "[:alpha:]": string.ascii_letters,
    "[:upper:]": string.ascii_uppercase,
    "[:lower:]": string.ascii_lowercase,
    "[:alnum:]": string.ascii_letters + string.digits,
    "[:space:]": " ",
}
_ANYTHING = string.ascii_letters + string.digits
_MANY = 6  # how often `*` and `+` repeat at most

Maker = Callable[[Random], str]


class _Unknown(Exception):
    """The pattern holds something this module does not know."""


def matching(pattern: str, count: int = 60) -> tuple[str, ...]:
    """Up to `count` distinct strings, the same ones every time; none where the pattern is not understood."""
    try:
        parser = _Parser(pattern)
        make = parser.alternatives()
        if parser.at < len(pattern):
            return ()
    except (_Unknown, IndexError, ValueError):
        return ()
    dice = Random(20)  # noqa: S311  nothing secret: samples must only vary, and be the same tomorrow
    return tuple(dict.fromkeys(make(dice) for _ in range(count)))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    @property
    def next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def alternatives(self) -> Maker:
        choices = [self.sequence()]
        while self.next == "|":
            self.take()
            choices.append(self.sequence())
        return lambda dice: dice.choice(choices)(dice)

    def sequence(self) -> Maker:
        parts: list[Maker] = []
        while self.next and self.next not in "|)":
            parts.append(self.quantified())
        return lambda dice: "".join(part(dice) for part in parts)

    def quantified(self) -> Maker:
        make = self.atom()
        low, high = 1, 1
        if self.next and self.next in "*+?":
            low, high = {"*": (0, _MANY), "+": (1, _MANY), "?": (0, 1)}[self.take()]
        elif self.next == "{":
            bounds, _, _ = self.pattern[self.at + 1 :].partition("}")
            self.at += len(bounds) + 2
            least, comma, most = bounds.partition(",")
            low = int(least)
            high = int(most) if most else low + _MANY if comma else low
        if self.next == "?":
            self.take()  # a lazy quantifier matches the same strings
        return lambda dice: "".join(make(dice) for _ in range(dice.randint(low, high)))

    def atom(self) -> Maker:
        sign = self.take()
        if sign == "(":
            if self.next == "?":
                self.take()
                if self.take() != ":":
                    raise _Unknown
            inner = self.alternatives()
            if self.take() != ")":
                raise _Unknown
            return inner
        if sign in "^$":
            return lambda _: ""
        if sign == "[":
            letters = self.letters()
        elif sign == ".":
            letters = _ANYTHING
        elif sign == "\\":
            letters = self.escaped()
        else:
            letters = sign
        return lambda dice: dice.choice(letters)

    def escaped(self) -> str:
        sign = self.take()
        if sign.isalnum() and sign not in _CLASSES:
            raise _Unknown
        return _CLASSES.get(sign, sign)

    def letters(self) -> str:
        """The signs a bracket expression stands for, the opening bracket taken already."""
        negated = self.next == "^"
        if negated:
            self.take()
        found = ""
        while self.next != "]" or not found:
            named = next((n for n in _POSIX if self.pattern.startswith(n, self.at)), "")
            if named:
                self.at += len(named)
                found += _POSIX[named]
                continue
            sign = self.take()
            if sign == "\\":
                found += self.escaped()
            elif self.next == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.take()
                found += "".join(map(chr, range(ord(sign), ord(self.take()) + 1)))
            else:
                found += sign
        self.take()
        return "".join(c for c in _ANYTHING if c not in found) if negated else found

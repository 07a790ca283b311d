"""The single values inside a structured value.

The strings and numbers of JSON, the elements of arrays, the fields of composites, the texts of XML. Keys and tags are
structure, not values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from penstock.proof.relations import Shape

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},]+)', re.DOTALL)
_FIELD = re.compile(r'"((?:[^"\\]|\\.|"")*)"|([^(),]+)', re.DOTALL)
_PLACE = re.compile(r'(?:\A|,)(?:"((?:[^"\\]|\\.|"")*)"|([^,"]*))', re.DOTALL)  # empty ones as well
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LEXEME = re.compile(r"'((?:[^']|'')*)'")
_XML_TEXT = re.compile(r">([^<>]+)<|=\s*\"([^\"]*)\"|=\s*'([^']*)'")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def leaves(text: str, shape: Shape) -> Iterator[str]:
    """All values in `text`, a value of a column of that shape as PostgreSQL prints it.

    Structure in structure is followed by its looks: JSON in an array, an array in a composite, JSON in a JSON string.
    """
    match shape:
        case Shape.JSON:
            yield from _json_text(text)
        case Shape.ARRAY:
            for element in elements(text):
                yield from _inner(element)
        case Shape.COMPOSITE:
            for match in _FIELD.finditer(text):
                quoted, bare = match.groups()
                yield from _inner(
                    _ESCAPED.sub(r"\1", quoted.replace('""', '"')) if quoted is not None else bare
                )
        case Shape.XML:
            yield from (part for match in _XML_TEXT.finditer(text) for part in match.groups() if part)
        case Shape.SEARCH:
            yield from (match[1].replace("''", "'") for match in _LEXEME.finditer(text))
        case Shape.UNKNOWN:
            yield text
            yield from (_ESCAPED.sub(r"\1", match[1]) for match in _QUOTED.finditer(text))
        case Shape.SCALAR | Shape.BINARY:
            yield text


def elements(text: str) -> Iterator[str]:
    """The elements of an array that are not NULL, whatever its dimensions."""
    for match in _ELEMENT.finditer(text[text.find("{") :]):
        quoted, bare = match.groups()
        if quoted is not None or bare.upper() != "NULL":
            yield _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare


def fields(text: str) -> list[str]:
    """The fields of a composite in order, "" for NULL."""
    return [
        _ESCAPED.sub(r"\1", quoted.replace('""', '"')) if quoted is not None else bare
        for quoted, bare in (match.groups() for match in _PLACE.finditer(text[1:-1]))
    ]


def _inner(text: str) -> Iterator[str]:
    """An element or a field, which may itself be structured."""
    if text[:1] == "{" and text[-1:] == "}":
        shape = Shape.JSON if is_json(text) else Shape.ARRAY
        yield from leaves(text, shape)
    elif text[:1] == "(" and text[-1:] == ")":
        yield from leaves(text, Shape.COMPOSITE)
    else:
        yield text


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _json_text(text: str) -> Iterator[str]:
    try:
        document = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:  # a json value PostgreSQL takes and Python does not, such as a very deep one
        yield from (match[1] for match in _QUOTED.finditer(text))
        return
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            if value[:1] in ("{", "[") and is_json(value):
                waiting.append(json.loads(value, parse_int=str, parse_float=str))
            else:
                yield value

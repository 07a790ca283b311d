"""Sites that masks stand on, and values that columns of such sites hold."""

from __future__ import annotations

import json
from datetime import date

from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.masks.contract import Site

TEXT = Site(Family.TEXT)
INT4 = Site(Family.INTEGER, minimum=-(2**31), maximum=2**31 - 1, type_name="integer")

SITES = {
    "text": TEXT,
    "unique text": Site(Family.TEXT, unique=True),
    "varchar(255)": Site(Family.TEXT, max_length=255),
    "varchar(40)": Site(Family.TEXT, max_length=40),
    "varchar(17)": Site(Family.TEXT, max_length=17),
    "varchar(2)": Site(Family.TEXT, max_length=2),
    "char(20)": Site(Family.TEXT, max_length=20, padded=True),
    "citext": Site(Family.TEXT, case_insensitive=True),
    "smallint": Site(Family.INTEGER, minimum=-(2**15), maximum=2**15 - 1, type_name="smallint"),
    "integer": INT4,
    "bigint": Site(Family.INTEGER, minimum=-(2**63), maximum=2**63 - 1, type_name="bigint"),
    "oid": Site(Family.INTEGER, minimum=0, maximum=2**32 - 1, type_name="oid"),
    "numeric(12,0)": Site(Family.NUMERIC, precision=12, scale=0, type_name="numeric(12,0)"),
    "uuid": Site(Family.UUID, type_name="uuid"),
    "date": Site(Family.DATE, type_name="date"),
    "timestamp": Site(Family.TIMESTAMP, type_name="timestamp without time zone"),
    "inet": Site(Family.NETWORK, type_name="inet"),
    "macaddr": Site(Family.MAC, type_name="macaddr"),
    "boolean": Site(Family.BOOLEAN, type_name="boolean"),
    "jsonb": Site(Family.JSON, type_name="jsonb"),
    "text[]": Site(Family.ARRAY, type_name="text[]", element=TEXT),
    "integer[]": Site(Family.ARRAY, type_name="integer[]", element=INT4),
    "composite": Site(
        Family.COMPOSITE,
        type_name="s3_object",
        fields=(("bucket", TEXT), ("path", TEXT), ("size", INT4)),
    ),
}

# No text of PostgreSQL holds NUL or a lone surrogate; everything else may come.
_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_PECULIAR = st.sampled_from(
    [
        "Ana", "ANA", " ana ", "e\u0301", "\u00e9", "\U0001f469\u200d\U0001f680", "\\", "\\N", "\t", "a\tb", "a\nb", "NULL", '"',
        "ana@shop.example", "Ana.Silva+x@Shop.Example", "a@b@c", "@", "+351 912 345 678", "0042", "\u0660\u0661",
        "/home/ana/cv.pdf", "..", "C:\\ana\\b.tar.gz", "https://u:p@shop.example:80/a?b=c&d#e", "4111 1111 1111 1111",
        "PT50 0002 0123 1234 5678 9015 4", "192.0.2.7", "2001:db8::1/64", "00:00:5e:00:53:01", '{"a": [1, "b"]}',
        "1000-001 Lisboa", "Rua do Ouro 5, 3.\u00ba", "Mozilla/5.0 (X11; Linux) Gecko/1 Firefox/99.0", "2001-02-03", "x" * 600,
    ]
)  # fmt: skip
text_values = st.one_of(st.text(_CHARACTERS, max_size=40), _PECULIAR)
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        text_values,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text_values, inner, max_size=4)),
    max_leaves=8,
)


def array_literal(elements: list[str | None]) -> str:
    """An array of text as PostgreSQL prints it."""

    def written(element: str | None) -> str:
        if element is None:
            return "NULL"
        if element and element.upper() != "NULL" and not set(element) & set('{},"\\ \t\n\r\v\f'):
            return element
        return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "{" + ",".join(map(written, elements)) + "}"


def record_literal(fields: list[str | None]) -> str:
    """A record as PostgreSQL prints it."""

    def written(field: str | None) -> str:
        if field is None:
            return ""
        if field and not set(field) & set('(),"\\ \t\n\r\v\f'):
            return field
        return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'

    return "(" + ",".join(map(written, fields)) + ")"


def _whole_numbers(site: Site) -> st.SearchStrategy[str]:
    low = site.minimum if site.minimum is not None else 1 - 10 ** (site.precision or 18)
    high = site.maximum if site.maximum is not None else 10 ** (site.precision or 18) - 1
    near = st.integers(max(low, -200), 20_000)
    return st.one_of(near, st.integers(low, high), st.sampled_from([low, high, 0, 1])).map(str)


def _padded(value: str, length: int) -> str:
    return value[:length].rstrip(" ").ljust(length) if value else value


def values_of(site: Site) -> st.SearchStrategy[str]:
    """One value of a column at `site`, as PostgreSQL prints it."""
    match site.family:
        case Family.TEXT:
            length = site.max_length
            if length is None:
                return text_values
            cut = text_values.map(lambda v: v[:length])
            return cut.map(lambda v: _padded(v, length)) if site.padded else cut
        case Family.INTEGER | Family.NUMERIC:
            return _whole_numbers(site)
        case Family.UUID:
            return st.uuids().map(str)
        case Family.DATE:
            return st.one_of(st.dates().map(date.isoformat), st.sampled_from(_ODD_DATES))
        case Family.TIMESTAMP:
            return st.one_of(
                st.datetimes().map(lambda d: d.isoformat(" ")),
                st.dates().map(lambda d: f"{d} 00:00:00"),
                st.sampled_from(_ODD_DATES[:2]),
                st.just("0044-03-15 12:00:00 BC"),
            )
        case Family.NETWORK:
            plain = st.ip_addresses().map(str)
            nets = st.tuples(st.ip_addresses(v=4), st.integers(0, 31)).map(lambda p: f"{p[0]}/{p[1]}")
            nets6 = st.tuples(st.ip_addresses(v=6), st.integers(0, 127)).map(lambda p: f"{p[0]}/{p[1]}")
            return st.one_of(plain, nets, nets6)
        case Family.MAC:
            return st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":"))
        case Family.BOOLEAN:
            return st.sampled_from(["t", "f"])
        case Family.JSON:
            spelled = st.tuples(json_values, st.booleans(), st.sampled_from([None, (",", ":")]))
            return spelled.map(lambda p: json.dumps(p[0], ensure_ascii=p[1], separators=p[2]))
        case Family.ARRAY:
            element = values_of(site.element) if site.element else text_values
            lists = st.lists(st.one_of(st.none(), element), max_size=4)
            return lists.map(array_literal)
        case Family.COMPOSITE:
            parts = [st.one_of(st.none(), values_of(part)) for _, part in site.fields]
            return st.tuples(*parts).map(lambda p: record_literal(list(p)))
        case _:
            raise AssertionError(site.family)


_ODD_DATES = (
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "4713-01-01 BC",
    "12345-06-07",
    "9999-12-31",
    "0001-01-01",
)


def columns_of(site: Site, max_size: int = 12) -> st.SearchStrategy[list[str | None]]:
    """A column at `site`, with NULLs and, where the type has them, empty strings."""
    maybe = [st.none(), values_of(site)]
    if site.family is Family.TEXT:
        maybe.append(st.just(""))
    return st.lists(st.one_of(maybe), max_size=max_size)

"""From `pg_type` to `ColumnType`: what a type is called, and which family its values belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.catalog.types import ColumnType, Family

_BUILT_IN = {
    Family.TEXT: "text varchar bpchar name char",
    Family.INTEGER: "int2 int4 int8 oid",
    Family.NUMERIC: "numeric money float4 float8",
    Family.BOOLEAN: "bool",
    Family.DATE: "date",
    Family.TIMESTAMP: "timestamp timestamptz",
    Family.TIME: "time timetz",
    Family.INTERVAL: "interval",
    Family.UUID: "uuid",
    Family.JSON: "json jsonb",
    Family.XML: "xml",
    Family.NETWORK: "inet cidr",
    Family.MAC: "macaddr macaddr8",
    Family.BINARY: "bytea bit varbit",
    Family.SEARCH: "tsvector",
    Family.GEOMETRY: "point line lseg box path polygon circle",
}
_OF_EXTENSIONS = {
    ("citext", "citext"): Family.TEXT,
    ("postgis", "geometry"): Family.GEOMETRY,
    ("postgis", "geography"): Family.GEOMETRY,
    ("ip4r", "ip4"): Family.NETWORK,
    ("ip4r", "ip6"): Family.NETWORK,
    ("ip4r", "ipaddress"): Family.NETWORK,
}
_FAMILY = {name: family for family, names in _BUILT_IN.items() for name in names.split()}


class TypeReader:
    """Builds the `ColumnType` of any (type, modifier) from rows of the TYPES query, once each."""

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], attributes: Mapping[int, Sequence[Mapping[str, Any]]]
    ) -> None:
        self._rows = {row["oid"]: row for row in rows}
        self._attributes = attributes
        self._made: dict[tuple[int, int], ColumnType] = {}

    def read(self, oid: int, modifier: int, name: str) -> ColumnType:
        """The type `name` (as format_type prints it) with its modifier (-1: none)."""
        key = (oid, modifier)
        if key not in self._made:
            self._made[key] = self._build(self._rows[oid], modifier, name)
        return self._made[key]

    def of_kind(self, typtype: str, relation_kind: str | None = None) -> Iterable[ColumnType]:
        """All types users made of one `typtype`: e (enum), d (domain), c with relation kind c (composite)."""
        for oid, row in self._rows.items():
            own = not row["schema"].startswith("pg_") and row["schema"] != "information_schema"
            if own and row["typtype"] == typtype and row["relation_kind"] == relation_kind:
                yield self.read(oid, -1, row["name"])

    def _build(self, row: Mapping[str, Any], modifier: int, name: str) -> ColumnType:
        plain = ColumnType(
            name=name,
            family=Family.OTHER,
            schema=row["schema"],
            typname=row["typname"],
            extension=row["extension"],
        )
        match row["typtype"]:
            case "d":
                return self._domain(plain, row)
            case "e":
                return replace(plain, family=Family.ENUM, labels=tuple(row["labels"] or ()))
            case "r" | "m":
                return replace(plain, family=Family.RANGE)
            case "c":
                fields = tuple(
                    (field["name"], self.read(field["type_oid"], field["modifier"], field["type_name"]))
                    for field in self._attributes.get(row["relation_oid"], ())
                )
                return replace(plain, family=Family.COMPOSITE, fields=fields)
        if row["element_oid"]:
            element = self.read(row["element_oid"], modifier, name.removesuffix("[]"))
            return replace(plain, family=Family.ARRAY, element=element)
        return _with_modifier(replace(plain, family=_family(row)), modifier)

    def _domain(self, plain: ColumnType, row: Mapping[str, Any]) -> ColumnType:
        base = self.read(row["base_oid"], row["base_modifier"], row["base_name"])
        return replace(
            plain,
            family=base.family,
            length=base.length,
            precision=base.precision,
            scale=base.scale,
            labels=base.labels,
            element=base.element,
            fields=base.fields,
            base=base,
            domain_checks=(*base.domain_checks, *(row["checks"] or ())),
            domain_not_null=row["not_null"] or base.domain_not_null,
        )


def _family(row: Mapping[str, Any]) -> Family:
    """A base type's family. Unknown types of the string category are text: the careful choice."""
    if row["schema"] == "pg_catalog":
        return _FAMILY.get(row["typname"], Family.OTHER)
    known = _OF_EXTENSIONS.get((row["extension"] or "", row["typname"]))
    if known is not None:
        return known
    return Family.TEXT if row["typcategory"] == "S" else Family.OTHER


def _with_modifier(plain: ColumnType, modifier: int) -> ColumnType:
    """Length, precision and scale, as PostgreSQL packs them into a type modifier."""
    if plain.schema != "pg_catalog":
        return plain
    match plain.typname:
        case "char":
            return replace(plain, length=1)
        case "name":
            return replace(plain, length=63)
        case "varchar" | "bpchar" if modifier >= 4:
            return replace(plain, length=modifier - 4)
        case "bit" | "varbit" if modifier >= 0:
            return replace(plain, length=modifier)
        case "numeric" if modifier >= 4:
            packed = modifier - 4
            # Eleven bits, signed: a scale may be negative from PostgreSQL 15 on.
            return replace(plain, precision=(packed >> 16) & 0xFFFF, scale=((packed & 0x7FF) ^ 1024) - 1024)
    return plain

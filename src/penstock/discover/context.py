"""What a rule sees of a column: its name's words, its type, and what the table around it is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from penstock.catalog.model import Column, ColumnName, Table
from penstock.catalog.types import ColumnType, Family
from penstock.discover.vocabulary import (
    NOMENCLATURE,
    ORGANISATIONS,
    OWN_THINGS,
    PEOPLE,
    PLACES,
    RECORDS,
    THINGS,
    without_tail,
)
from penstock.discover.words import words

_SIGNS = (("email",), ("gender",), ("first", "name"), ("last", "name"), ("given", "name"), ("birth", "date"))


@dataclass(frozen=True)
class TableContext:
    """A table as its names describe it."""

    table: Table

    @cached_property
    def words(self) -> tuple[str, ...]:
        return words(self.table.name.table)

    @cached_property
    def column_words(self) -> tuple[tuple[str, ...], ...]:
        return tuple(words(column.name) for column in self.table.columns)

    @cached_property
    def _signs_of_people(self) -> int:
        """How many kinds of columns the table has that only people have."""
        found = [without_tail(w) for w in self.column_words]
        return sum(any(w[-len(sign) :] == sign for w in found) for sign in _SIGNS)

    @cached_property
    def subject(self) -> str:
        """The last word that says what a row is: `store` of `customer_store`."""
        return next(
            (w for w in reversed(self.words) if w in PEOPLE | THINGS | PLACES | RECORDS | ORGANISATIONS), ""
        )

    @cached_property
    def is_about_people(self) -> bool:
        return self.subject in PEOPLE or self._signs_of_people >= 2

    @cached_property
    def is_of_people(self) -> bool:
        """Whether its rows belong to people: `patient_id` in a table of visits."""
        return any(w[-1:] == ("id",) and w[-2:-1] and w[-2] in PEOPLE for w in self.column_words)

    @cached_property
    def is_about_organisations(self) -> bool:
        return self.subject in ORGANISATIONS

    @cached_property
    def is_about_places(self) -> bool:
        has_street = any(w[-1:] == ("street",) or w[-2:] == ("address", "line") for w in self.column_words)
        return self.subject in PLACES or has_street

    @cached_property
    def is_about_things(self) -> bool:
        return self.subject in THINGS and not self._signs_of_people

    @cached_property
    def is_made_by_people(self) -> bool:
        """About things that people make for themselves and call as they like."""
        return self.subject in OWN_THINGS

    @cached_property
    def is_record_of_changes(self) -> bool:
        return any(w in RECORDS for w in (*words(self.table.name.schema), *self.words))

    @cached_property
    def is_nomenclature(self) -> bool:
        """A short list of the world's things (countries, categories, languages): few columns, nobody's."""
        small = sum(c.type.family is Family.TEXT for c in self.table.stored_columns) <= 4
        is_list = self.words[-1:] == (self.subject,) and self.subject in NOMENCLATURE  # not tag_signatures
        return (
            is_list
            and small
            and not self.is_of_people
            and not self.is_about_people
            and not self.is_about_places
        )


@dataclass(frozen=True)
class ColumnContext:
    """A column as its name, its type and its table describe it."""

    name: ColumnName
    column: Column
    table: TableContext

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of the name, without a repetition of the table's own: `film.film_title` is `title`."""
        return without_tail(words(self.name.column))

    @property
    def head(self) -> str:
        """What the value is: the last word. `email_template` is a template."""
        return self.words[-1] if self.words else ""

    @property
    def family(self) -> Family:
        return self.column.type.family

    @property
    def is_text(self) -> bool:
        return self.family is Family.TEXT

    @cached_property
    def value(self) -> ColumnType:
        """The type of one value: of the elements, where the column is an array."""
        declared = self.column.type
        while declared.element is not None:
            declared = declared.element
        return declared

    @property
    def is_texts(self) -> bool:
        """Text, or an array of text."""
        return self.value.family is Family.TEXT

    @property
    def is_numbers(self) -> bool:
        """A number, or an array or a range of them."""
        return self.value.family in (Family.INTEGER, Family.NUMERIC, Family.RANGE)

    @property
    def is_bare(self) -> bool:
        """A number, a truth value, a label, a time, or an array or a range of them: what the type alone lets pass."""
        return self.is_numbers or self.value.family in (
            Family.BOOLEAN,
            Family.ENUM,
            Family.TIMESTAMP,
            Family.TIME,
            Family.INTERVAL,
        )

    @property
    def is_about_a_person(self) -> bool:
        """Whether the table is about people, or the name says whose it is: `customer_age` of an order."""
        return self.table.is_about_people or bool(PEOPLE & set(self.words[:-1]))

    def ends_with(self, *endings: str) -> bool:
        """Whether the words end with those of one of `endings` (each a few words)."""
        said = f" {' '.join(self.words)}"
        return said.endswith(tuple(f" {ending}" for ending in endings))

    def mentions(self, *phrases: str) -> str:
        """The first of `phrases` (each a few words) that the name holds anywhere: `phone_home`; "" for none."""
        said = f" {' '.join(self.words)} "
        return next((phrase for phrase in phrases if f" {phrase} " in said), "")

    def has(self, *some: str) -> bool:
        return any(word in self.words for word in some)

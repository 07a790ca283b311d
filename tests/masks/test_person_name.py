"""person_name: one person, one pseudonym, however and wherever the name is written."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from penstock.masks.parts.words import _AFTER, _BEFORE, _PARTICLES
from penstock.pools.load import pool
from tests.masks.standing import masked

FIRST, LAST = set(pool("first_names").to_pylist()), set(pool("last_names").to_pylist())
# Words that are names and nothing else: no title, no particle, longer than an initial, equal to their lower-upper-lower.
words = st.text("abcdefghijklmnopqrstuvwxyzéøł", min_size=2, max_size=9).filter(lambda w: w == w.strip())
names = words.map(str.capitalize).filter(lambda w: w.lower() not in {*_BEFORE, *_AFTER, *_PARTICLES})


@given(names, names, names)
def test_the_parts_of_a_person_are_what_their_own_columns_say(first, second, last):
    a, b = masked("first_name", [first, second])
    (c,) = masked("last_name", [last])
    assert masked(
        "person_name", [f"{first} {second} {last}", f"{last}, {first} {second}", f"Dr. {first} {last}"]
    ) == [
        f"{a} {b} {c}",
        f"{c}, {a} {b}",
        f"Dr. {a} {c}",
    ]


@given(names, names)
def test_capitals_and_small_letters_stay_and_change_nobody(first, last):
    natural, upper, lower = masked(
        "person_name", [f"{first} {last}", f"{first} {last}".upper(), f"{first} {last}".lower()]
    )
    assert upper == natural.upper()
    assert lower == natural.lower()


def test_one_name_in_two_unicode_forms_is_one_name():
    name = "José Ångström"
    one, other = masked("person_name", [name, unicodedata.normalize("NFD", name)])
    assert one == other


def test_a_family_name_with_particles_is_one_family():
    (family,) = masked("last_name", ["van der Berg"])
    assert family.startswith("van der ")
    person, reversed_, capital = masked(
        "person_name", ["Jan van der Berg", "van der Berg, Jan", "Jan Van Der Berg"]
    )
    (first,) = masked("first_name", ["Jan"])
    assert person == f"{first} {family}"
    assert reversed_ == f"{family}, {first}"
    assert capital.split()[-1] == family.split()[-1]


def test_family_first_names_are_read_in_their_order():
    (family,), (given_name,) = masked("last_name", ["Nagy"]), masked("first_name", ["Ilona"])
    assert masked("person_name", ["Nagy Ilona"], options={"order": "last first"}) == [
        f"{family} {given_name}"
    ]


def test_titles_generations_and_initials_keep_their_form():
    (person,) = masked("person_name", ["Mrs J. R. Smith III"])
    title, j, r, last, generation = person.split()
    assert (title, generation) == ("Mrs", "III")
    assert len(j) == len(r) == 2
    assert j.isupper()
    assert last == masked("last_name", ["Smith"])[0]


def test_a_name_in_a_script_without_capitals_is_a_name_of_the_pool():
    assert masked("person_name", ["王小明"])[0] in FIRST
    assert masked("last_name", ["王"])[0] in LAST


def test_what_a_hyphen_or_an_apostrophe_ties_is_one_name():
    families = masked("last_name", ["Day-Lewis", "O'Brien", "O\u2019Brien"])
    anna_lena, carl = masked("first_name", ["Anna-Lena", "Carl"])
    people = ["Carl Day-Lewis", "Anna-Lena O'Brien", "Carl O\u2019Brien", "DAY-LEWIS, Anna-Lena"]
    assert masked("person_name", people) == [
        f"{carl} {families[0]}",
        f"{anna_lena} {families[1]}",
        f"{carl} {families[2]}",
        f"{families[0].upper()}, {anna_lena}",
    ]
    assert families[1] == families[2]

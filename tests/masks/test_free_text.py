"""free_text: people under their own pseudonyms, recognised numbers masked, nothing else left unless asked."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.contract import Codomain, Input, build_options
from penstock.masks.free_text import Identity
from penstock.pools.load import pool
from tests.masks.standing import masked, standing

PERSON = [
    {"column": "first_name", "mask": "first_name"},
    {"column": "last_name", "mask": "last_name"},
    {"column": "email", "via": ["customer_id"], "mask": "email"},
]
LATIN = {w.lower() for w in pool("lorem").to_pylist()} | {"a", "et", "sit", "amet"}


def scrubbed(text, *people, rest="keep", identities=PERSON, **site):
    """The text under the mask; `people` are the identities' values."""
    mask = standing("free_text", options={"rest": rest, "identities": identities}, **site)
    inputs = {i: pa.array([p], pa.string()) for i, p in zip(mask.inputs(), people, strict=True)}
    return mask.mask(pa.array([text], pa.string()), inputs)[0].as_py()


def test_the_rows_people_are_named_as_in_their_own_columns():
    (first,), (last,), (mail,) = (
        masked("first_name", ["Ana"]),
        masked("last_name", ["Silva"]),
        masked("email", ["ana@x.example"]),
    )
    text = "ANA silva wrote (Ana@X.example); Anabel and Silvana did not."
    assert (
        scrubbed(text, "Ana", "Silva", "ana@x.example")
        == f"{first} {last} wrote ({mail}); Anabel and Silvana did not."
    )


def test_accents_make_no_other_person():
    (first,), (last,) = masked("first_name", ["José"]), masked("last_name", ["Søndergård"])
    text = "JOSE Sondergard, José, Jose\u0301 y Josefa: 王 é"
    for name in ("José", "Jose\u0301"):
        out = scrubbed(text, name, "Søndergård", None)
        assert out == f"{first} {last}, {first}, {first} y Josefa: 王 é"
    (first,) = masked("first_name", ["Jose"])
    assert scrubbed("é José!", "Jose", None, None) == f"é {first}!"


def test_each_word_of_a_whole_name_is_known():
    (whole,) = masked("person_name", ["Silva, Ana Maria"])
    family, rest = whole.split(", ")
    ana, maria = rest.split()
    identities = [{"column": "name", "mask": "person_name"}]
    text = "Ana Maria came, Mrs Silva stayed; Silva, Ana Maria paid."
    assert (
        scrubbed(text, "Silva, Ana Maria", identities=identities)
        == f"{ana} {maria} came, Mrs {family} stayed; {whole} paid."
    )


def test_what_stays_real_is_named_as_it_is():
    real = {"person.first_name": frozenset({"Ana"}), "person.email": frozenset({"ana@x.example"})}
    text = "Ana <ana@x.example> met Eva <eva@x.example>"
    assert scrubbed(text, "Ana", "Silva", "ana@x.example", real=real).startswith(
        "Ana <ana@x.example> met Eva <"
    )
    assert "eva@" not in scrubbed(text, "Ana", "Silva", "ana@x.example", real=real)
    assert "Ana" not in scrubbed(
        "Ana", "Ana", "Silva", "ana@x.example", real={"person.email": real["person.email"]}
    )


def test_the_longest_value_wins():
    (mail,) = masked("email", ["ana.silva@silva.example"])
    assert scrubbed("<ana.silva@silva.example>", "Ana", "Silva", "ana.silva@silva.example") == f"<{mail}>"


def test_what_is_recognised_becomes_what_its_own_mask_makes_of_it():
    values = {
        "email": "jo@shop.example",
        "phone": "+351 912 345 678",
        "credit_card": "4111 1111 1111 1111",
        "iban": "DE89 3704 0044 0532 0130 00",
        "mac": "00:1a:2b:3c:4d:5e",
        "url": "https://shop.example/u/ana?x=1",
    }
    text = "; ".join(values.values())
    expected = "; ".join(masked(name, [value])[0] for name, value in values.items())
    assert scrubbed(text, identities=[]) == expected


def test_an_address_with_another_at_sign_is_the_same_address():
    (mail,) = masked("email", ["re@shop.example"])
    text = "RE＠shop.example ＲＥ＠shop．example ?to=re%40shop.example"
    assert scrubbed(text, identities=[]) == f"{mail} {mail} ?to={mail}"


def test_an_internet_address_does_not_survive():
    out = scrubbed("from 10.20.30.40 and 2001:db8::7", identities=[])
    assert "10.20.30.40" not in out
    assert "2001:db8::7" not in out
    assert out.startswith("from ")


def test_by_default_nothing_but_pseudonyms_and_latin_is_left():
    (first,) = masked("first_name", ["Ana"])
    (phone,) = masked("phone", ["+351 912 345 678"])
    out = scrubbed("Ana (+351 912 345 678) told Rui about her illness", "Ana", None, None, rest="lorem")
    assert out.startswith(f"{first} ")
    assert phone in out
    rest = out.replace(first, "", 1).replace(phone, "")
    assert {w.lower() for w in re.findall(r"\w+", rest)} <= LATIN


def test_the_default_is_to_leave_nothing_readable():
    assert registry.get("free_text").Options().rest == "lorem"


def test_with_rest_null_only_the_pseudonyms_are_left():
    (first,) = masked("first_name", ["Ana"])
    assert scrubbed("Ana was here, Ana left", "Ana", None, None, rest="null") == f"{first} {first}"
    assert scrubbed("nobody was here", "Ana", None, None, rest="null") is None
    assert scrubbed("nobody was here", "Ana", None, None, rest="null", nullable=False) == ""


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 50, 999, 1000, 1001, 3500])
def test_running_latin_is_about_as_long_as_the_text(length):
    out = scrubbed("x" * length, identities=[], rest="lorem")
    assert length - 12 <= len(out) <= length
    assert out
    assert {w.lower() for w in re.findall(r"\w+", out)} <= LATIN


@pytest.mark.parametrize("rest", ["lorem", "null", "keep"])
@settings(max_examples=settings.default.max_examples // 4)  # each one looks at every row by itself, too
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(max_size=30), st.none() | st.text(max_size=6), st.none() | st.text(max_size=6)
        ),
        max_size=6,
    ),
    room=st.integers(1, 30),
)
def test_any_text_is_masked_row_by_row_and_fits(rest, rows, room):
    mask = standing("free_text", options={"rest": rest, "identities": PERSON[:2]}, max_length=room)
    columns = [pa.array([r[i] and r[i][:room] for r in rows], pa.string()) for i in range(3)]
    one, other = mask.inputs()
    together = mask.mask(columns[0], {one: columns[1], other: columns[2]}).to_pylist()
    alone = [
        mask.mask(columns[0].slice(i, 1), {one: columns[1].slice(i, 1), other: columns[2].slice(i, 1)})[
            0
        ].as_py()
        for i in range(len(rows))
    ]
    assert together == alone
    assert all(out is None or len(out) <= room for out in together)
    assert all(
        (out is None) == (r[0] is None) or rest == "null" for out, r in zip(together, rows, strict=True)
    )


@given(st.lists(st.text("anAN ,.é", min_size=1, max_size=30), max_size=8))
def test_a_known_name_never_stands_readable_as_a_word(texts):
    mask = standing("free_text", options={"rest": "keep", "identities": PERSON[:1]})
    out = mask.mask(
        pa.array(texts, pa.string()), {mask.inputs()[0]: pa.array(["Anna"] * len(texts), pa.string())}
    )
    assert not any(re.search(r"(?i)(?<!\w)anna(?!\w)", text) for text in out.to_pylist())


def test_it_reads_the_columns_its_identities_name():
    mask = standing("free_text", options={"identities": PERSON})
    assert mask.inputs() == (
        Input("first_name", ()),
        Input("last_name", ()),
        Input("email", ("customer_id",)),
    )
    assert not mask.context_free


def test_the_mask_that_stands_on_the_column_can_be_given():
    mask = standing("free_text", options={"rest": "keep", "identities": ["email"]})
    own = standing("email", max_length=40, options={"keep_domain": True})
    (wish,) = mask.inputs()
    out = mask.following({wish: own}).mask(pa.array(["to a@b.example"]), {wish: pa.array(["a@b.example"])})
    assert out[0].as_py() == "to " + own.mask(pa.array(["a@b.example"]))[0].as_py()


def test_a_missing_identity_is_an_error_without_values():
    mask = standing("free_text", options={"identities": ["email"]})
    with pytest.raises(MaskError) as missing:
        mask.mask(pa.array(["secret words"]))
    assert "email" in missing.value.what
    assert "secret" not in missing.value.what


@pytest.mark.parametrize(
    "options",
    [
        {"rest": "drop"},
        {"identities": "email"},
        {"identities": [{"colum": "email"}]},
        {"identities": [{"column": "a", "mak": "email"}]},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(MaskError):
        build_options(registry.get("free_text"), options)


def test_an_identity_may_be_kept_in_a_set():
    given_ = {"column": "email", "via": ["customer_id"], "mask": "email", "options": {"keep_domain": True}}
    assert len({Identity.of(given_), Identity.of(given_)}) == 1


def test_a_text_that_keeps_its_rest_says_so_in_the_plan():
    contract = standing("free_text", options={"rest": "keep"}).contract()
    assert contract.codomain is Codomain.SAME
    assert contract.warnings
    assert standing("free_text").contract().codomain is Codomain.POOL

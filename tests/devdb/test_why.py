"""`dev why`: the path from a row back to a root."""

from __future__ import annotations

import pytest

from penstock.devdb import added
from tests.conftest import MakeDatabase
from tests.devdb.conftest import KEY, Folder, MakeFolder
from tests.devdb.small_shop import PERSONAL


def test_why_tells_the_path_to_a_root_in_the_words_of_the_copy(made: Folder) -> None:
    order = made.made.value("SELECT min(id) FROM orders WHERE customer_id = 3")
    told = made.run("dev", "why", "small", "public.orders", str(order), "--json")
    assert told.code == 0, told.err
    assert told.json["included"] is True
    assert [step["row"] for step in told.json["steps"]] == [f"public.orders {order}", "public.customer 3"]
    assert "root" in told.json["reason"]
    absent = made.run("dev", "why", "small", "public.customer", "39", "--json")
    assert absent.code == 1
    assert absent.json["included"] is False
    unknown = made.run("dev", "why", "small", "public.customer", "4000")
    assert unknown.code == 2
    assert "no row with that key" in unknown.err


def test_why_shows_masked_keys_masked_and_finds_rows_by_them(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.account (mail text PRIMARY KEY, referrer text REFERENCES public.account);"
        "INSERT INTO public.account VALUES ('quartermaine@first.example', NULL), ('zebquart@second.example', 'quartermaine@first.example');"
        "ANALYZE;"
    )
    devdb = '[[devdb.small.root]]\ntable = "public.account"\nwhere = "referrer IS NOT NULL"\n'
    folder = make_folder(source, devdb, '[public.account]\nmail = "email"\n')
    assert folder.run("dev", "create", "small").code == 0
    ((masked,),) = folder.made.rows("SELECT mail FROM account WHERE referrer IS NULL")
    for key in (masked, "quartermaine@first.example"):
        told = folder.run("dev", "why", "small", "public.account", key)
        assert told.code == 0, told.err
        assert masked in told.out
        assert "quart" not in told.out + told.err


def test_why_follows_what_add_brought_back_to_its_roots(made: Folder) -> None:
    made.source.execute(
        "INSERT INTO customer (name, nick, country) VALUES ('Fresh Quartermaine', 'zebfresh', 'BE')",
        "INSERT INTO orders (customer_id, note, amount) SELECT id, 'fresh Quartermaine', 5 FROM customer WHERE nick = 'zebfresh'",
    )
    fresh, order = made.source.rows(
        "SELECT c.id, o.id FROM customer c JOIN orders o ON c.id = customer_id WHERE nick = 'zebfresh'"
    )[0]
    assert made.run("dev", "why", "small", "public.customer", str(fresh)).code == 1
    for root in ("public.customer:nick = 'zebfresh'", "public.orders:id = 30"):
        assert made.run("dev", "add", "small", "--root", root).code == 0

    told = made.run("dev", "why", "small", "public.orders", str(order), "--json")
    assert told.code == 0, told.err
    assert [step["row"] for step in told.json["steps"]] == [
        f"public.orders {order}",
        f"public.customer {fresh}",
    ]
    assert "`dev add` of 20" in told.json["reason"]
    parent = made.source.value("SELECT customer_id FROM orders WHERE id = 30")
    told = made.run("dev", "why", "small", "public.customer", str(parent), "--json")
    assert [step["row"] for step in told.json["steps"]] == [f"public.customer {parent}", "public.orders 30"]
    for key, code in (("39", 1), ("3", 0)):
        other = made.run("dev", "why", "small", "public.customer", key)
        assert other.code == code
        assert "dev add" not in other.out, "neither absent rows nor those of the subset came that way"

    for text in (*(path.read_text() for path in made.path.glob(".penstock/manifests/*")),
                 *(text for (text,) in made.made.rows("SELECT document::text FROM penstock.manifest"))):  # fmt: skip
        assert not any(value in text for value in (*PERSONAL, "zebfresh"))
    assert made.run("dev", "refresh", "small").code == 0
    assert made.run("dev", "why", "small", "public.orders", str(order)).code == 1


def test_why_says_which_adds_it_cannot_follow(made: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added, "_MOST_NAMES", 2)
    assert made.run("dev", "add", "small", "--root", "public.customer:id BETWEEN 20 AND 22").code == 0
    absent = made.run("dev", "why", "small", "public.customer", "21")
    assert absent.code == 1
    assert "started from more than 2 rows of public.customer" in absent.out
    assert made.run("dev", "add", "small", "--root", "public.customer:id = 30").code == 0
    assert made.run("dev", "why", "small", "public.customer", "30").code == 0
    made.write(key=KEY[::-1])
    absent = made.run("dev", "why", "small", "public.customer", "30")
    assert absent.code == 1
    assert "another key" in absent.out

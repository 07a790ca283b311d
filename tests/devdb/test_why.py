"""`dev why`: the path from a row back to a root."""

from __future__ import annotations

from typing import IO

import pytest

from penstock.devdb import added
from penstock.devdb.closure import engine
from penstock.devdb.closure.budget import MemoryBudget
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


def test_why_finds_a_masked_key_at_the_beginning_of_a_large_table(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.account (mail text PRIMARY KEY);"
        "INSERT INTO public.account SELECT 'quart' || n || '@first.example' FROM generate_series(1, 300000) n; ANALYZE;"
    )
    devdb = '[[devdb.small.root]]\ntable = "public.account"\nwhere = "mail = \'quart1@first.example\'"\n'
    folder = make_folder(source, devdb, '[public.account]\nmail = "email"\n')
    assert folder.run("dev", "create", "small").code == 0
    told = folder.run("dev", "why", "small", "public.account", folder.made.value("SELECT mail FROM account"))
    assert told.code == 0, told.err


def test_why_says_what_the_source_and_the_copy_have_each(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.big (id int PRIMARY KEY, word text);"
        "CREATE TABLE public.person (code text, place int, PRIMARY KEY (code, place));"
        "INSERT INTO public.big SELECT n, 'quartermaine' FROM generate_series(1, 3) n;"
        "INSERT INTO public.person VALUES ('quartermaine', 1), ('zebquart', 1); ANALYZE;"
    )
    roots = "".join(f'[[devdb.small.root]]\ntable = "public.{table}"\n' for table in ("big", "person"))
    masks = '[public.big]\nid = "integer"\nword = "text"\n[public.person]\ncode = "text"\n'
    folder = make_folder(source, roots, masks)
    ((code, told),) = {
        (d.code, d.json["in_copy"]) for d in [folder.run("dev", "why", "small", "public.big", "1", "--json")]
    }
    assert (code, told) == (0, None), "before there is a copy, the path is all there is"
    assert folder.run("dev", "create", "small").code == 0
    made_in = folder.made.value("SELECT left(created_at::text, 16) FROM penstock.manifest")

    def why(table: str, key: str) -> tuple[int, bool, bool | None, str]:
        done = folder.run("dev", "why", "small", f"public.{table}", key, "--json")
        assert done.code in (0, 1), done.err
        assert "quart" not in done.out
        assert f"the copy made {made_in}" in done.json["copy"]
        return done.code, done.json["included"], done.json["in_copy"], done.json["row"]

    before = {key: why("big", key)[3] for key in ("1", "2")}
    assert why("big", "1")[:3] == (0, True, True)
    assert "the source as it is now" in folder.run("dev", "why", "small", "public.big", "1").out
    source.execute(
        "INSERT INTO big VALUES (900001, 'quartermaine')",
        "DELETE FROM big WHERE id = 2",
        "DELETE FROM person WHERE code = 'zebquart'",
    )
    assert why("big", "900001")[:3] == (1, True, False)
    shown = folder.run("dev", "why", "small", "public.big", "900001")
    assert (
        f"it is not in the copy made {made_in}, but one made now would have it: penstock dev refresh small"
        in shown.out
    )
    assert why("big", "2") == (1, False, True, before["2"]), "gone from the source, named by its old key"
    assert why("big", before["2"].split()[1]) == (1, False, True, before["2"]), "or by the copy's"
    assert why("person", "zebquart, 1")[:3] == (1, False, True)
    folder.made.execute(f"DELETE FROM big WHERE id = {before['1'].split()[1]}")
    assert why("big", "1")[:3] == (1, True, False)
    for key in ("77", "no number", "99999999999999999999"):
        nowhere = folder.run("dev", "why", "small", "public.big", key)
        assert nowhere.code == 2
        assert "has no row with that key, neither in the source nor in the copy" in nowhere.err
    folder.write(key=KEY[::-1])
    told = folder.run("dev", "why", "small", "public.big", "3")
    assert "made with another key" in told.out
    folder.made.execute("DROP TABLE person")
    assert folder.run("dev", "why", "small", "public.person", "quartermaine,1").code in (0, 1)


def test_why_follows_what_add_brought_back_to_its_roots(
    made: Folder, monkeypatch: pytest.MonkeyPatch, scratch_files: list[IO[bytes]]
) -> None:
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

    monkeypatch.setattr(engine, "MemoryBudget", lambda: MemoryBudget(0))
    told = made.run("dev", "why", "small", "public.orders", str(order), "--json")
    assert told.code == 0, told.err
    assert len(scratch_files) == 1, "the closure of the roots of `add` shares the first one's budget"
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

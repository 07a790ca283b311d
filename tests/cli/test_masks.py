"""`penstock discover` and `penstock masks`, as a person and as CI run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.masks.registry import masks
from tests.cli.running import Penstock, WriteProject
from tests.conftest import MakeDatabase

SHOP = """
CREATE TABLE customer (
    id integer PRIMARY KEY, first_name text NOT NULL, email text UNIQUE, region_word text, birth_date date, notes text
);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer, email text REFERENCES customer (email));
INSERT INTO customer VALUES
    (1, 'Filomena', 'filomena.canary@unusual.example', 'canarywood', '1961-07-08', 'Filomena rang from +351 912 555 017'),
    (2, 'Ana', NULL, NULL, NULL, NULL);
INSERT INTO orders VALUES (7, 1, 'filomena.canary@unusual.example');
"""
CANARIES = ("filomena", "canary", "unusual", "1961-07-08", "555 017", "555017")


@pytest.fixture
def penstock(penstock_here: Penstock) -> Penstock:
    return penstock_here


@pytest.fixture
def shop(make_database: MakeDatabase, write_project: WriteProject) -> Path:
    """A project over a small shop, without a masks.toml."""
    return write_project(make_database(SHOP))


def decide(folder: Path, text: str) -> None:
    (folder / "masks.toml").write_text(text)


def test_discover_writes_what_is_certain_and_asks_the_rest(shop: Path, penstock: Penstock):
    done = penstock("discover")
    assert done.code == 0, done.err
    text = (shop / "masks.toml").read_text()
    assert 'first_name = { mask = "first_name", by = "discover" }' in text
    assert '#? region_word = "text"  # the name says nothing' in text
    assert "customer_id" not in text  # a foreign key inherits
    assert "region_word" in done.out
    assert "1 open" in done.out


def test_discover_again_keeps_what_people_decided_and_their_comments(shop: Path, penstock: Penstock):
    decide(
        shop, "[public.customer]\n# asked Joana\nregion_word = 'keep'\nfirst_name = 'text'  # not a pool\n"
    )
    assert penstock("discover").code == 0
    text = (shop / "masks.toml").read_text()
    assert "# asked Joana\nregion_word = 'keep'\n" in text
    assert "first_name = 'text'  # not a pool\n" in text
    assert "#?" not in text
    assert penstock("discover").code == 0
    assert (shop / "masks.toml").read_text() == text


def test_a_dry_run_of_discover_writes_nothing_and_json_tells_all(shop: Path, penstock: Penstock):
    told = penstock("discover", "--dry-run", "--json").json
    assert not (shop / "masks.toml").exists()
    proposals = {p["column"]: p for p in told["proposals"] if p["table"] == "customer"}
    assert (proposals["email"]["mask"], proposals["email"]["certain"]) == ("email", True)
    assert proposals["email"]["evidence"]
    assert not told["written"]


def test_check_is_the_gate_for_ci(shop: Path, penstock: Penstock):
    assert penstock("masks", "check").code == 1  # nothing decided yet
    penstock("discover")
    open_ = penstock("masks", "check", "--json")
    assert open_.code == 1
    assert [u["column"] for u in open_.json["undecided"]] == ["public.customer.region_word"]
    with (shop / "masks.toml").open("a") as file:
        file.write("\n[public.gone]\nx = 'keep'\n")
    text = (shop / "masks.toml").read_text().replace("#? region_word", "region_word")
    decide(shop, text)
    stale = penstock("masks", "check", "--json")
    assert (stale.code, stale.json["without_column"], stale.json["undecided"]) == (1, ["public.gone.x"], [])
    decide(shop, text.replace("[public.gone]\nx = 'keep'\n", ""))
    done = penstock("masks", "check")
    assert (done.code, done.out.splitlines()[-1][:3]) == (0, "ok:")


def test_check_needs_no_key(shop: Path, penstock: Penstock):
    penstock("discover")
    env = (shop / ".env").read_text().splitlines()
    (shop / ".env").write_text("\n".join(line for line in env if not line.startswith("PENSTOCK_KEY")) + "\n")
    assert penstock("masks", "check").code == 1
    assert penstock("masks", "preview").code == 2


def test_check_names_a_broken_constraint_and_a_mask_that_would_do(shop: Path, penstock: Penstock):
    penstock("discover")
    text = (shop / "masks.toml").read_text()
    decide(
        shop,
        text.replace('id = { mask = "keep", by = "discover" }', "id = { mask = 'constant', value = 1 }", 1),
    )
    found = penstock("masks", "check", "--json")
    violation = next(v for v in found.json["violations"] if v["column"] == "public.customer.id")
    assert (found.code, violation["constraint"], violation["suggestion"]) == (1, "customer_pkey", "integer")


def test_check_for_a_development_database_knows_what_it_leaves_out(shop: Path, penstock: Penstock):
    with (shop / "penstock.toml").open("a") as file:
        file.write("[devdb.small]\nsource = 'prod'\nempty = ['public.orders']\nunclassified = 'mask'\n")
        file.write("[[devdb.small.root]]\ntable = 'public.customer'\n")
    assert penstock("masks", "check").code == 1
    assert penstock("masks", "check", "--for", "small").code == 0


def test_preview_shows_shapes_of_the_source_and_never_its_values(shop: Path, penstock: Penstock):
    penstock("discover")
    for arguments in (
        ("masks", "preview"),
        ("masks", "preview", "--json"),
        ("masks", "preview", "customer", "--rows", "1"),
    ):
        done = penstock(*arguments)
        assert done.code == 0, done.err
        assert not [canary for canary in CANARIES if canary in (done.out + done.err).lower()]
    columns = {c["column"]: c for c in penstock("masks", "preview", "--json").json["columns"]}
    sample = columns["public.customer.email"]["samples"][0]
    assert sample["source_shape"] == "aaaaaaaa.aaaaaa@aaaaaaa.aaaaaaa"
    assert "@" in sample["masked"]
    assert columns["public.orders.email"]["samples"][0]["masked"] == sample["masked"]
    assert columns["public.customer.notes"]["samples"][1] == {
        "source_shape": None,
        "masked": None,
        "is_shape": False,
    }


def test_preview_shows_what_a_mask_lets_through_as_a_shape(shop: Path, penstock: Penstock):
    decide(shop, "[public.customer]\nemail = { mask = 'email', keep_domain = true }\n")
    (found,) = [
        c
        for c in penstock("masks", "preview", "customer", "--json").json["columns"]
        if c["column"] == "public.customer.email"
    ]
    assert found["samples"][0]["masked"].endswith("@aaaaaaa.aaaaaaa")
    assert found["samples"][0]["is_shape"]


def test_preview_of_text_that_stays_readable_is_a_shape_altogether(shop: Path, penstock: Penstock):
    decide(shop, "[public.customer]\nnotes = { mask = 'free_text', rest = 'keep' }\n")
    done = penstock("masks", "preview", "customer", "--json")
    (found,) = [c for c in done.json["columns"] if c["column"] == "public.customer.notes"]
    assert "aaaa" in found["samples"][0]["masked"]
    assert not [canary for canary in (*CANARIES, "rang", "from") if canary in done.out.lower()]


def test_preview_shows_a_null_element_of_an_array_as_null(
    make_database: MakeDatabase, write_project: WriteProject, penstock: Penstock
):
    folder = write_project(
        make_database(
            "CREATE TABLE shelf (tags text[]);"
            """INSERT INTO shelf VALUES ('{Canary,NULL,"a,NULL,b"}'), ('{null,"NULL"}');"""
            "INSERT INTO shelf SELECT array_fill('Canary'::text, ARRAY[7]) || NULL || repeat('canary', 9);"
        )
    )
    for line in ("'array'", "{ mask = 'array', element = { mask = 'free_text', rest = 'keep' } }"):
        decide(folder, f"[public.shelf]\ntags = {line}\n")
        done = penstock("masks", "preview", "--json")
        (column,) = done.json["columns"]
        first, second, long = column["samples"]
        assert first["source_shape"] == '{Aaaaaa,NULL,"a,AAAA,a"}'
        assert second["source_shape"] == '{NULL,"AAAA"}'
        assert len(long["source_shape"]) == 49
        assert ",NULL," in first["masked"]
        assert second["masked"].startswith("{NULL,")
        assert not [canary for canary in CANARIES if canary in done.out.lower()]


def test_preview_of_a_table_that_is_not_there_is_a_usage_error(shop: Path, penstock: Penstock):
    done = penstock("masks", "preview", "custmer")
    assert (done.code, "customer" in done.err) == (2, True)


def test_export_and_import_go_through_a_spreadsheet(shop: Path, penstock: Penstock):
    penstock("discover")
    before = (shop / "masks.toml").read_text()
    assert penstock("masks", "export", "decisions.csv").code == 0
    assert penstock("masks", "import", "decisions.csv").code == 0
    assert (shop / "masks.toml").read_text() == before
    everything = penstock("masks", "export", "--all").out.splitlines()
    assert everything[0] == "schema_name,table_name,column_name,scrubbing_action"
    assert "public,customer,region_word," in everything
    (shop / "decisions.csv").write_text(everything[0] + "\npublic,customer,region_word,city\n")
    told = penstock("masks", "import", "decisions.csv", "--dry-run", "--json").json
    assert (told["added"], told["changed"], told["written"]) == (1, 0, False)
    assert penstock("masks", "import", "decisions.csv").code == 0
    assert '\nregion_word = "city"\n' in (shop / "masks.toml").read_text()


def test_import_reads_standard_input_and_refuses_nonsense_whole(shop: Path, penstock: Penstock):
    decide(shop, "[public.customer]\nemail = 'email'\n")
    bad = "schema_name,table_name,column_name,scrubbing_action\npublic,customer,notes,text\npublic,customer,email,emial\n"
    done = penstock("masks", "import", "-", stdin=bad)
    assert (done.code, "did you mean 'email'?" in done.err) == (2, True)
    assert (shop / "masks.toml").read_text() == "[public.customer]\nemail = 'email'\n"


def test_list_names_every_mask_with_its_options(shop: Path, penstock: Penstock):
    told = penstock("masks", "list", "--json").json
    assert [mask["name"] for mask in told["masks"]] == list(masks())
    email = next(mask for mask in told["masks"] if mask["name"] == "email")
    assert email["options"]["keep_domain"] is False


def test_list_columns_says_where_each_decision_comes_from(shop: Path, penstock: Penstock):
    penstock("discover")
    columns = {
        f"{c['table']}.{c['column']}": c
        for c in penstock("masks", "list", "--columns", "--json").json["columns"]
    }
    inherited = columns["orders.email"]
    assert (inherited["mask"], inherited["origin"], inherited["inherited_from"]) == (
        "email", "inherited", "public.customer.email",
    )  # fmt: skip
    assert columns["customer.email"]["by"] == "discover"


def test_a_line_that_names_no_mask_stops_every_command(shop: Path, penstock: Penstock):
    decide(shop, "[public.customer]\nemail = 'emial'\n")
    for arguments in (("discover",), ("masks", "check"), ("masks", "export")):
        done = penstock(*arguments)
        assert (done.code, "public.customer.email" in done.err, "'email'" in done.err) == (2, True, True)
    assert (shop / "masks.toml").read_text() == "[public.customer]\nemail = 'emial'\n"

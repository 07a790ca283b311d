"""`dev add`: fresh rows with what they need, consistent with the copy, or nothing at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from penstock.devdb import manifest
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, PERSONAL, SHOP, checksum, counts
from tests.servers import Database

TREE = (
    SHOP
    + """
CREATE TABLE public.team (id serial PRIMARY KEY, lead int NOT NULL, name text NOT NULL);
CREATE TABLE public.member (id serial PRIMARY KEY, team int NOT NULL REFERENCES public.team, boss int REFERENCES public.member, name text NOT NULL);
INSERT INTO public.team (lead, name) SELECT n, 'team Quartermaine ' || n FROM generate_series(1, 6) n;
INSERT INTO public.member (team, boss, name) SELECT n, nullif(n - 1, 0), 'member Quartermaine ' || n FROM generate_series(1, 6) n;
ALTER TABLE public.team ADD FOREIGN KEY (lead) REFERENCES public.member;
CREATE TABLE public.log (customer_id int REFERENCES public.customer, what text);
INSERT INTO public.log SELECT 1 + n % 40, 'looked at Quartermaine' FROM generate_series(1, 80) n;
ANALYZE;
"""
)
TREE_MASKS = (
    MASKS + '[public.team]\nname = "text"\n[public.member]\nname = "text"\n[public.log]\nwhat = "text"\n'
)
TREE_DEVDB = DEVDB + '[[devdb.small.root]]\ntable = "public.member"\nwhere = "id = 1"\n'


SAID = """
COMMENT ON CONSTRAINT orders_customer_id_fkey ON public.orders IS 'who ordered';
INSERT INTO public.customer (name, nick, country) OVERRIDING SYSTEM VALUE VALUES ('Old Quartermaine', 'zebold', 'AT');
ALTER TABLE public.orders ADD CONSTRAINT recent FOREIGN KEY (customer_id) REFERENCES public.customer NOT VALID;
CREATE RULE no_more AS ON INSERT TO public.orders DO INSTEAD NOTHING;
CREATE RULE silent AS ON INSERT TO public.country DO INSTEAD NOTHING;
ALTER TABLE public.country DISABLE RULE silent;
"""
STATES = """
SELECT conname::text, convalidated::text, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE contype = 'f'
UNION ALL SELECT rulename::text, ev_enabled::text, '' FROM pg_rewrite WHERE ev_class >= 16384 AND ev_type <> '1'
ORDER BY 1, 2
"""


def test_add_gives_foreign_keys_back_with_their_comments_and_passes_rules_by(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + SAID)
    folder = make_folder(source, DEVDB, MASKS)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    before = folder.made.rows(STATES)
    assert before == source.rows(STATES)
    assert ("orders_customer_id_fkey", "true", "who ordered") in before
    assert ("recent", "false", None) in before
    assert ("no_more", "O", "") in before
    added = folder.run("dev", "add", "small", "--root", "public.customer:id = 30", "--json")
    assert added.code == 0, added.err + added.out
    assert added.json["inserted"]["public.orders"] == 10
    assert folder.made.value("SELECT count(*) FROM public.orders") == 60
    assert folder.made.rows(STATES) == before


def content(database: Database) -> dict[str, list[str]]:
    tables = ("country", "customer", "orders", "team", "member", "log")
    return {
        t: [row for (row,) in database.rows(f"SELECT t::text FROM public.{t} t ORDER BY 1")] for t in tables
    }


def test_add_says_as_create_does_where_its_manifest_lies_and_what_was_verified(folder: Folder) -> None:
    for said in (
        folder.run("dev", "create", "small").out,
        folder.run("dev", "add", "small", "--root", "public.customer:id = 30").out,
    ):
        lines = [line.strip() for line in said.splitlines()]
        (manifest_line,) = (line for line in lines if line.startswith("manifest: "))
        assert Path(manifest_line.removeprefix("manifest: ")).is_file()
        assert f"verified: {folder.database} passed (everything holds)" in lines
        assert any(line.startswith("leaks: ") for line in lines)


def test_add_brings_fresh_rows_with_what_they_need_and_changes_nothing_else(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(TREE)
    folder = make_folder(
        source,
        TREE_DEVDB + "".join(
            f'[[devdb.small.edge]]\nfrom = "{child}"\nto = "{parent}"\nchildren = false\n'
            for child, parent in (("public.member.team", "public.team.id"), ("public.member.boss", "public.member.id"),
                                  ("public.team.lead", "public.member.id"))
        ),
        TREE_MASKS,
    )  # fmt: skip
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    before = content(folder.made)
    assert len(before["member"]) == 1
    source.execute(
        "INSERT INTO customer (name, nick, country) VALUES ('Fresh Quartermaine', 'zebfresh', 'BE')",
        "INSERT INTO orders (customer_id, note, amount) SELECT id, 'fresh Quartermaine', 5 FROM customer WHERE nick = 'zebfresh'",
        "INSERT INTO log SELECT id, 'twice the same' FROM customer, generate_series(1, 2) WHERE nick = 'zebfresh'",
    )
    roots = ("--root", "public.customer:nick = 'zebfresh'", "--root", "public.member:id = 4")
    added = folder.run("dev", "add", "small", *roots, "--json")
    assert added.code == 0, added.err + added.out
    after = content(folder.made)
    # the new customer with its order and its log; member 4 with its bosses, their teams and leads: a cycle
    inserted = {table: count for table, count in added.json["inserted"].items() if count}
    assert inserted == {
        "public.customer": 1,
        "public.orders": 1,
        "public.log": 2,
        "public.member": 3,
        "public.team": 3,
    }
    for table, rows in before.items():
        assert set(rows) <= set(after[table]), "what was there is as it was"
    assert {table: len(rows) for table, rows in after.items()} == {
        "country": 2, "customer": 6, "orders": 51, "team": 4, "member": 4, "log": 12,
    }  # fmt: skip
    assert not any(value in str(after) for value in (*PERSONAL, "zebfresh"))
    told = folder.made.rows("SELECT document::text FROM penstock.manifest ORDER BY created_at, run_id")
    assert len(told) == 2
    assert "zebfresh" not in str(told), "whom somebody looked for is nobody else's business"
    assert folder.made.value("SELECT nextval('orders_id_seq')") == source.value(
        "SELECT last_value + 1 FROM orders_id_seq"
    )
    assert folder.made.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == source.value(
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
    )
    # once more: nothing happens
    again = folder.run("dev", "add", "small", *roots, "--json")
    assert again.code == 0, again.err + again.out
    assert not any(again.json["inserted"].values())
    assert content(folder.made) == after
    assert folder.run("dev", "verify", "small").code == 0


KEYS_OF_ALL_KINDS = """
CREATE TABLE public.badge (id int PRIMARY KEY, code text UNIQUE, note text);
INSERT INTO public.badge VALUES (1, 'quartermaine-1', 'x'), (2, NULL, 'x');
CREATE TABLE public.visit (badge int REFERENCES public.badge DEFERRABLE, code text REFERENCES public.badge (code), at int UNIQUE);
INSERT INTO public.visit VALUES (1, 'quartermaine-1', NULL), (1, NULL, NULL), (1, NULL, NULL), (2, NULL, 7);
CREATE TABLE public.late (id int UNIQUE DEFERRABLE, who text);
INSERT INTO public.late VALUES (1, 'quartermaine one'), (NULL, 'quartermaine none');
CREATE TABLE public.nothing ();
INSERT INTO public.nothing SELECT FROM generate_series(1, 3);
ANALYZE;
"""


def test_add_tops_up_tables_without_a_key_as_often_as_the_source_has_their_rows(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(KEYS_OF_ALL_KINDS)
    masks = '[public.badge]\ncode = "text"\nnote = "keep"\n[public.late]\nwho = "text"\n'
    devdb = '[[devdb.small.root]]\ntable = "public.badge"\n[[devdb.small.root]]\ntable = "public.nothing"\nlimit = 2\n'
    folder = make_folder(source, devdb, masks)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    source.execute(
        "INSERT INTO visit VALUES (1, NULL, NULL), (2, NULL, 8)", "INSERT INTO badge VALUES (3, NULL, 'x')"
    )
    for _ in range(2):
        roots = [
            option for table in ("badge", "late", "nothing") for option in ("--root", f"public.{table}:true")
        ]
        added = folder.run("dev", "add", "small", *roots, "--json")
        assert added.code == 0, added.err + added.out
        counted = {
            t: folder.made.value(f"SELECT count(*) FROM public.{t}")
            for t in ("badge", "visit", "late", "nothing")
        }
        assert counted == {"badge": 3, "visit": 6, "late": 2, "nothing": 3}


def test_fresh_rows_that_contradict_the_copy_are_refused(made: Folder) -> None:
    before = checksum(made.made)
    # the nick of customer 1 belongs to somebody else now
    made.source.execute(
        "UPDATE customer SET nick = NULL WHERE id = 1",
        "INSERT INTO customer (name, nick, country) VALUES ('Somebody Quartermaine', 'zebquart1', 'AT')",
    )
    refused = made.run("dev", "add", "small", "--root", "public.customer:nick = 'zebquart1'")
    assert refused.code == 4, refused.err
    assert "public.customer" in refused.err
    assert "dev refresh" in refused.err
    assert not any(value in refused.err for value in PERSONAL)
    assert checksum(made.made) == before


def test_an_add_that_fails_leaves_the_copy_as_it_was(made: Folder) -> None:
    before = checksum(made.made)
    for root, code in (
        ("public.customer:id = = 1", 3),
        ("public.nobody:id = 1", 2),
        ("public.orders:note::int = 1", 3),
    ):
        failed = made.run("dev", "add", "small", "--root", root)
        assert failed.code == code, failed.err
        assert not any(value in failed.err for value in PERSONAL)
    made.write(key="fedcba9876543210" * 4)
    other_key = made.run("dev", "add", "small", "--root", "public.orders:id = 1")
    assert other_key.code == 4
    assert "another key" in other_key.err
    assert checksum(made.made) == before


def test_an_add_whose_root_has_no_row_is_a_finding_and_adds_nothing(made: Folder) -> None:
    before = checksum(made.made)
    nobody = "public.customer:nick = 'zebquart4000'"
    for roots in (("--root", nobody), ("--root", "public.customer:id = 30", "--root", nobody)):
        found = made.run("dev", "add", "small", *roots)
        assert found.code == 1, found.err
        assert "no row of public.customer" in found.err
        assert "hint: " in found.err
        assert not any(value in found.err for value in PERSONAL)
        assert made.run("dev", "add", "small", *roots, "--json").json["error"]["code"] == "PEN-1000"
    assert checksum(made.made) == before
    there = made.run("dev", "add", "small", "--root", "public.customer:id = 3")
    assert there.code == 0, "a row that is there already is no slip"
    assert "0 added, 1 already there" in there.out


def test_an_add_whose_verification_finds_something_leaves_even_the_sequences(folder: Folder) -> None:
    folder.write(masks=MASKS.replace('note = "text"', 'note = "keep"'))
    assert folder.run("dev", "create", "small").code == 0

    def state() -> object:
        sequences = [folder.made.rows(f"SELECT * FROM {name}_id_seq") for name in ("customer", "orders")]
        return checksum(folder.made), sequences

    before = state()
    folder.source.execute(
        "INSERT INTO orders (id, customer_id, note, amount) SELECT nextval('orders_id_seq'), id, name, 1 FROM customer WHERE id = 30"
    )
    leaking = folder.run("dev", "add", "small", "--root", "public.customer:id = 30")
    assert leaking.code == 1, leaking.err
    assert "public.orders.note" in leaking.err
    assert state() == before
    folder.source.execute("UPDATE orders SET note = '' WHERE note LIKE 'Zeb%'")
    assert folder.run("dev", "add", "small", "--root", "public.customer:id = 30").code == 0
    assert folder.made.value("SELECT nextval('orders_id_seq')") == 402


def test_a_manifest_file_that_cannot_be_written_is_no_doubt_about_the_copy(
    made: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(manifest.Path, "write_text", full)
    done = made.run("dev", "add", "small", "--root", "public.customer:id = 30")
    assert done.code == 2
    assert "the database is complete" in done.err
    assert counts(made.made)["customer"] == 6


def test_fresh_rows_are_not_added_under_other_masks(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE t (id int PRIMARY KEY, e text); INSERT INTO t SELECT i, 'x' || i || '@mail.example' FROM generate_series(1, 9) i"
    )
    folder = make_folder(
        source,
        '[[devdb.small.root]]\ntable = "public.t"\nlimit = 3\n',
        '[public.t]\nid = "keep"\ne = "email"\n',
    )
    assert folder.run("dev", "create", "small").code == 0
    for other in ('"text"', '"keep"', '{ mask = "email", keep_domain = true }'):
        folder.write(masks=f'[public.t]\nid = "keep"\ne = {other}\n')
        refused = folder.run("dev", "add", "small", "--root", "public.t:id = 9")
        assert refused.code == 4
        assert "public.t.e is masked otherwise" in refused.err
    assert folder.made.value("SELECT count(*) FROM t") == 3

"""plan, refresh, add, verify, why, list and drop: what each promises, on a real server."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.small_shop import DEVDB, MASKS, PERSONAL, SHOP, checksum, databases
from tests.devdb.test_interruptions import looking, running, wait_until
from tests.servers import Database


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(SHOP), DEVDB, MASKS)


@pytest.fixture
def made(folder: Folder) -> Folder:
    """A project whose development database is there."""
    assert folder.run("dev", "create", "small").code == 0
    return folder


def counts(database: Database) -> dict[str, int]:
    tables = ("country", "customer", "orders")
    return {table: database.value(f"SELECT count(*) FROM public.{table}") for table in tables}


# plan


def test_a_plan_says_exactly_what_create_copies_and_touches_nothing(folder: Folder) -> None:
    before = databases(folder.target), checksum(folder.source)
    planned = folder.run("dev", "plan", "small", "--json")
    assert planned.code == 0, planned.err
    assert (databases(folder.target), checksum(folder.source)) == before
    rows = {table["table"]: table["rows"] for table in planned.json["tables"]}
    assert folder.run("dev", "create", "small").code == 0
    assert rows == {f"public.{table}": count for table, count in counts(folder.made).items()}
    masks = {column["column"]: column["mask"] for column in planned.json["columns"]}
    assert masks["public.orders.note"] == "text"


def test_a_plan_that_create_would_refuse_says_so_and_exits_with_4(folder: Folder) -> None:
    folder.write(masks=MASKS.replace('note = "text"', ""))
    planned = folder.run("dev", "plan", "small", "--json")
    assert planned.code == 4
    assert [refusal["code"] for refusal in planned.json["refusals"]] == ["PEN-4200"]
    assert "public.orders.note" in planned.json["refusals"][0]["what"]


def test_saved_plans_of_an_unchanged_source_differ_in_their_date_only(folder: Folder) -> None:
    saved = []
    for name in ("one.json", "two.json"):
        assert folder.run("dev", "plan", "small", "--save", str(folder.path / name)).code == 0
        saved.append((folder.path / name).read_text().splitlines())
    different = [a for a, b in zip(*saved, strict=True) if a != b]
    assert {line.split(":")[0].strip() for line in different} <= {'"made_at"', '"seconds"'}
    assert json.loads("\n".join(saved[0]))["rules_hash"] == json.loads("\n".join(saved[1]))["rules_hash"]


def test_a_saved_plan_fixes_the_rules_and_refuses_when_the_source_has_moved(folder: Folder) -> None:
    path = str(folder.path / "plan.json")
    assert folder.run("dev", "plan", "small", "--save", path).code == 0
    folder.write(devdb=DEVDB.replace("limit = 5", "limit = 30"))  # the plan's rules count, not the file's
    accepted = folder.run("dev", "create", "small", "--plan", path)
    assert accepted.code == 0, accepted.err
    assert counts(folder.made) == {"country": 2, "customer": 5, "orders": 50}
    before = databases(folder.target)
    folder.source.execute("INSERT INTO orders (customer_id, amount) SELECT 3, 1 FROM generate_series(1, 30)")
    refused = folder.run("dev", "refresh", "small", "--plan", path)
    assert refused.code == 4
    assert "PEN-4600" in refused.err
    assert "public.orders has 80 rows instead of 50" in refused.err
    assert databases(folder.target) == before


def test_a_saved_plan_refuses_when_a_mask_is_another(folder: Folder) -> None:
    path = str(folder.path / "plan.json")
    assert folder.run("dev", "plan", "small", "--save", path).code == 0
    folder.write(masks=MASKS.replace('note = "text"', 'note = "null"'))
    refused = folder.run("dev", "create", "small", "--plan", path)
    assert refused.code == 4
    assert "public.orders.note has the mask null instead of text" in refused.err
    assert folder.names() == []


# refresh


def test_refresh_brings_todays_rows_and_keeps_owner_rights_settings_and_comment(
    made: Folder, make_role: MakeRole
) -> None:
    owner, _ = make_role()
    reader, _ = make_role()
    name = made.database
    made.target.maintenance.execute(
        f"ALTER DATABASE {name} OWNER TO {owner}",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, CREATE ON DATABASE {name} TO {reader} WITH GRANT OPTION",
        f"ALTER DATABASE {name} SET search_path = \"$user\", 'My Schema', public",
        f"ALTER DATABASE {name} SET DateStyle = 'SQL, DMY'",
        f"ALTER ROLE {reader} IN DATABASE {name} SET work_mem = '7MB'",
        f"COMMENT ON DATABASE {name} IS 'ours; don''t touch'",
    )

    def kept() -> list[tuple[object, ...]]:
        return made.target.maintenance.rows(
            "SELECT pg_get_userbyid(datdba)::text, datallowconn, shobj_description(d.oid, 'pg_database'), "
            "(SELECT array_agg(format('%s %s %s', pg_get_userbyid(grantee), privilege_type, is_grantable) ORDER BY 1) "
            " FROM aclexplode(datacl)), "
            "(SELECT array_agg(s.setrole::text || s.setconfig::text ORDER BY s.setrole) FROM pg_db_role_setting s WHERE setdatabase = d.oid) "
            "FROM pg_database d WHERE datname = $1",
            name,
        )

    before = kept()
    made.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    refreshed = made.run("dev", "refresh", "small")
    assert refreshed.code == 0, refreshed.err
    assert kept() == before
    assert counts(made.made)["orders"] == 51
    assert made.names() == [name]
    made.target.drop(name)


def test_refresh_ends_the_sessions_of_the_old_database(made: Folder) -> None:
    with looking(made.made) as session:
        assert made.run("dev", "refresh", "small").code == 0
        assert session.ask("SELECT 1") == "", "the old session has ended"


def test_a_refresh_that_fails_leaves_the_old_database(made: Folder) -> None:
    made.made.execute("CREATE TABLE public.old_one ()")
    before = databases(made.target)
    made.write(masks=MASKS.replace('note = "text"', ""))
    assert made.run("dev", "refresh", "small").code == 4
    made.write(
        masks=MASKS.replace('note = "text"', 'note = "keep"').replace('name = "text"', 'name = "text"', 1)
    )
    made.source.execute("UPDATE orders SET note = (SELECT name FROM customer WHERE id = customer_id)")
    leaking = made.run("dev", "refresh", "small")
    assert leaking.code == 1, leaking.err
    assert "public.customer.name occur in" in leaking.err
    assert not any(value in leaking.err + leaking.out for value in PERSONAL)
    assert databases(made.target) == before
    assert made.made.value("SELECT to_regclass('public.old_one') IS NOT NULL")


def test_a_role_that_may_not_end_the_sessions_in_the_way_is_told_so(
    made: Folder, make_role: MakeRole
) -> None:
    owner, password = make_role("CREATEDB")
    made.target.maintenance.execute(f"ALTER DATABASE {made.database} OWNER TO {owner}")
    made.made.execute(
        f"GRANT USAGE ON SCHEMA penstock TO {owner}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA penstock TO {owner}",
    )
    made.log_in_as("dev", owner, password)
    before = databases(made.target)
    with looking(made.made) as session:
        refused = made.run("dev", "refresh", "small")
        assert session.ask("SELECT 1") == "1"
    assert refused.code == 3, refused.err
    assert "pg_signal_backend" in refused.err
    assert databases(made.target) == before
    made.target.drop(made.database)


# add

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


def content(database: Database) -> dict[str, list[str]]:
    tables = ("country", "customer", "orders", "team", "member", "log")
    return {
        t: [row for (row,) in database.rows(f"SELECT t::text FROM public.{t} t ORDER BY 1")] for t in tables
    }


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


def test_ctrl_c_ends_a_plan_and_its_query(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    source = make_database(SHOP)
    root = '[[devdb.small.root]]\ntable = "public.customer"\nwhere = "pg_sleep(3) IS NOT NULL"\n'
    folder = make_folder(source, root, MASKS)
    asleep = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{source.name}' AND query LIKE '%pg_sleep(3)%'"
    with running(folder, "dev", "plan", "small") as run:
        run.wait_for(f"{asleep} AND $1 <> ''")
        run.signal(signal.SIGINT)
        assert run.end() == 130, run.said
        assert "Traceback" not in run.said
    wait_until(lambda: source.server.maintenance.value(asleep) == 0, seconds=2)


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


# why


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


# verify, list, drop


def test_verify_finds_what_somebody_put_into_the_copy(made: Folder) -> None:
    assert made.run("dev", "verify", "small").code == 0
    made.made.execute(
        "UPDATE orders SET note = 'met Zebulon Quartermaine 7 today' WHERE id = (SELECT min(id) FROM orders)"
    )
    leaking = made.run("dev", "verify", "small", "--json")
    assert leaking.code == 1
    assert leaking.json["passed"] is False
    assert "Quartermaine" not in leaking.out + leaking.err
    made.made.execute(
        "UPDATE orders SET note = NULL", "DELETE FROM orders WHERE id = (SELECT max(id) FROM orders)"
    )
    fewer = made.run("dev", "verify", "small")
    assert fewer.code == 1
    assert "orders" in fewer.out


def test_list_tells_what_became_of_each_database(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(
        make_database(SHOP),
        DEVDB + '[devdb.never]\ndatabase = "never_made"\nkeep = ["public.country"]\n',
        MASKS,
    )

    def state() -> dict[str, str]:
        listed = folder.run("dev", "list", "--json")
        assert listed.code == 0, listed.err
        return {entry["name"]: entry["state"] for entry in listed.json["databases"]}

    assert state() == {"small": "missing", "never": "missing"}
    assert folder.run("dev", "create", "small").code == 0
    assert state() == {"small": "ready", "never": "missing"}
    assert folder.database in folder.run("dev", "list").out
    folder.made.execute("DROP SCHEMA penstock CASCADE")
    assert state()["small"] == "foreign"


def test_drop_asks_on_a_terminal_and_wants_yes_elsewhere(made: Folder) -> None:
    silent = made.run("dev", "drop", "small")
    assert silent.code == 2
    assert "--yes" in silent.err
    assert made.names() == [made.database]
    for answer, left in (("n", [made.database]), ("y", [])):
        ours, theirs = pty.openpty()
        asked = subprocess.Popen(
            [sys.executable, "-c", "from penstock.cli import main; main()", "-C", str(made.path), "dev", "drop", "small"],
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        os.write(ours, f"{answer}\n".encode())
        said, _ = asked.communicate(timeout=30)
        os.close(ours)
        os.close(theirs)
        assert f"Drop the database {made.database}?" in said
        assert asked.returncode == (0 if answer == "y" else 130)
        assert made.names() == left


def test_drop_removes_debris_too_and_the_project_can_start_again(made: Folder) -> None:
    made.target.create(f"{made.database}__penstock_0011aabb")
    assert made.run("dev", "drop", "small", "--yes").code == 0
    assert made.names() == []
    assert made.run("dev", "create", "small").code == 0


def test_an_ordinary_role_can_do_everything_with_what_it_made(folder: Folder, make_role: MakeRole) -> None:
    owner, password = make_role("CREATEDB")
    reader, reader_password = make_role()
    folder.source.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")
    folder.log_in_as("dev", owner, password)
    folder.log_in_as("prod", reader, reader_password)
    for command in (
        ("create", "small"),
        ("refresh", "small"),
        ("add", "small", "--root", "public.orders:id = 333"),
        ("verify", "small"),
        ("why", "small", "orders", "2"),
        ("list",),
    ):
        done = folder.run("dev", *command)
        assert done.code == 0, done.err
        assert password not in done.out + done.err
        assert reader_password not in done.out + done.err
    with looking(folder.made) as somebody:
        refused = folder.run("dev", "drop", "small", "--yes")
        assert refused.code == 3, refused.err
        assert "pg_signal_backend" in refused.err
        assert somebody.ask("SELECT 1") == "1"
    assert folder.run("dev", "drop", "small", "--yes").code == 0
    assert folder.names() == []


def test_a_database_of_another_project_is_neither_refreshed_nor_dropped(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    folder = make_folder(source, '[[devdb.small.root]]\ntable = "public.t"\n')
    assert folder.run("dev", "create", "small").code == 0
    toml = folder.path / "penstock.toml"
    toml.write_text(toml.read_text().replace('name = "test"', 'name = "another"'))
    for command in (["refresh", "small"], ["drop", "small", "--yes"]):
        refused = folder.run("dev", *command)
        assert refused.code == 4
        assert "belongs to [devdb.small] of the project 'test'" in refused.err
    assert folder.made.value("SELECT count(*) FROM t") == 1


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

"""`dev verify`, `list` and `drop`: looking at databases that are there, and removing them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.processes import looking
from tests.devdb.small_shop import DEVDB, MASKS, SHOP


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


def test_what_somebody_made_in_the_copy_is_listed_and_searched(made: Folder) -> None:
    made.made.execute(
        "CREATE TABLE mine (i int)",
        "CREATE TABLE penstock.mine (note text)",
        "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    listed = "  not made by Penstock: penstock.mine, public.mine, function public.own()\n"
    verified = made.run("dev", "verify", "small")
    assert verified.code == 0, verified.out
    assert listed in verified.out
    assert made.run("dev", "verify", "small", "--json").json["integrity"]["status"] == "ok"
    added = made.run("dev", "add", "small", "--root", "public.orders:id = 333")
    assert added.code == 0, added.err
    assert listed in added.out
    made.made.execute("INSERT INTO penstock.mine VALUES ('Zebulon Quartermaine 7')")
    leaking = made.run("dev", "verify", "small")
    assert leaking.code == 1
    assert "penstock.mine.note" in leaking.out
    made.made.execute("DROP TABLE penstock.mine", "ALTER TABLE orders DROP COLUMN note")
    assert "orders: column note: is missing" in made.run("dev", "verify", "small").out


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
    fingerprint = folder.run("dev", "list", "--json").json["databases"][0]["key_fingerprint"]
    assert fingerprint == folder.run("dev", "plan", "small", "--json").json["key_fingerprint"]
    assert fingerprint[:8] in folder.run("dev", "list").out
    folder.made.execute("DROP SCHEMA penstock CASCADE")
    assert state()["small"] == "foreign"


def test_drop_asks_on_a_terminal_and_wants_yes_elsewhere(made: Folder) -> None:
    silent = made.run("dev", "drop", "small")
    assert silent.code == 2
    assert "hint: penstock dev drop small --yes" in silent.err
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
    debris = f"{made.database}__penstock_0011aabb"
    made.target.create(debris)
    made.target.maintenance.execute(f"COMMENT ON DATABASE {debris} IS 'penstock: building {made.database}'")
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


def test_what_the_manifest_shares_with_the_source_does_not_refuse_the_copy(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE invoice_line (id int PRIMARY KEY, said text);"
        "INSERT INTO invoice_line VALUES (1, 'invoice_line'), (2, 'person.email'), (3, 'nothing of the kind');"
    )
    folder = make_folder(
        source,
        '[[devdb.small.root]]\ntable = "public.invoice_line"\n',
        "[public.invoice_line]\nsaid = 'text'\n",
    )
    assert folder.run("dev", "create", "small").code == 0
    verified = folder.run("dev", "verify", "small", "--json")
    assert verified.code == 0, verified.out
    assert "penstock.manifest" in verified.out  # listed apart

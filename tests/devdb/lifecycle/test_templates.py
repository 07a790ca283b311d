"""Templates nobody can connect to, and copies of them in seconds."""

from __future__ import annotations

import pytest

from penstock.devdb import databases
from penstock.devdb.lifecycle import copies, templates
from penstock.devdb.progress import Silent
from penstock.errors import ConnectError, QueryError
from tests.devdb.conftest import Folder, MakeRole
from tests.devdb.small_shop import PERSONAL, counts, rows


def facts(folder: Folder, name: str) -> tuple[object, ...]:
    return folder.target.maintenance.rows(
        "SELECT datistemplate, datallowconn, datconnlimit FROM pg_database WHERE datname = $1", name
    )[0]


def test_a_template_is_a_finished_database_that_nobody_can_connect_to(templated: Folder) -> None:
    name = f"{templated.database}__template"
    assert templated.names() == [name]
    assert facts(templated, name) == (True, False, -1)


def test_a_copy_holds_what_the_template_holds_and_says_where_it_comes_from(templated: Folder) -> None:
    copied = templated.run("dev", "create", "--from-template", "small", "--json")
    assert copied.code == 0, copied.err
    assert facts(templated, templated.database) == (False, True, -1)
    assert counts(templated.made)["customer"] == 5
    assert not any(value in str(rows(templated.made)) for value in PERSONAL)
    assert templated.run("dev", "verify", "small").code == 0
    ann = f"{templated.database}_ann"
    own = templated.run("dev", "create", "--from-template", "small", "--database", ann, "--json")
    assert own.code == 0, own.err
    assert rows(templated.target.database(ann)) == rows(templated.made)
    document = templated.target.database(ann).value(
        "SELECT document::text FROM penstock.manifest ORDER BY created_at DESC, ctid DESC LIMIT 1"
    )
    assert f'"{ann}"' in document
    assert f"{templated.database}__template" in document
    listed = templated.run("dev", "list", "--json").json["databases"]
    assert [(i["database"], i["state"]) for i in listed] == [
        (templated.database, "ready"),
        (f"{templated.database}__template", "template"),
        (ann, "ready"),
    ]
    assert all(i["key_matches"] for i in listed)
    assert all(i["owner"] == templated.target.user for i in listed)
    assert listed[2]["read_at"] <= listed[2]["created_at"]


def test_production_is_not_asked_for_a_copy(templated: Folder) -> None:
    toml = templated.path / "penstock.toml"
    toml.write_text(toml.read_text().replace(f'dbname = "{templated.source.name}"', 'dbname = "gone"'))
    assert templated.run("dev", "create", "--from-template", "small").code == 0


def test_what_is_there_is_never_copied_over(templated: Folder) -> None:
    assert templated.run("dev", "create", "--from-template", "small").code == 0
    again = templated.run("dev", "create", "--from-template", "small")
    assert again.code == 4
    assert "exists already" in again.err
    assert templated.run("dev", "create", "small", "--template").code == 4
    itself = templated.run(
        "dev", "create", "--from-template", "small", "--database", f"{templated.database}__template"
    )
    assert itself.code == 4
    assert "the template itself" in itself.err
    templated.target.create(f"{templated.database}_bob")
    stranger = templated.run(
        "dev", "create", "--from-template", "small", "--database", f"{templated.database}_bob"
    )
    assert stranger.code == 4


@pytest.mark.parametrize("what", ["a database of somebody's", "another project's template"])
def test_a_template_that_is_not_ours_is_neither_copied_nor_replaced_nor_dropped(
    templated: Folder, what: str
) -> None:
    name = f"{templated.database}__template"
    if what == "another project's template":
        toml = templated.path / "penstock.toml"
        toml.write_text(toml.read_text().replace('name = "test"', 'name = "another"'))
    else:
        templated.target.maintenance.execute(f"COMMENT ON DATABASE {name} IS 'mine'")
    before = templated.target.maintenance.rows("SELECT oid::int8 FROM pg_database WHERE datname = $1", name)
    for command in (
        ["create", "--from-template", "small"],
        ["refresh", "small", "--template"],
        ["drop", "small", "--template", "--yes"],
    ):
        refused = templated.run("dev", *command)
        assert refused.code == 4, refused.err
        assert "no template of [devdb.small]" in refused.err
    assert (
        templated.target.maintenance.rows("SELECT oid::int8 FROM pg_database WHERE datname = $1", name)
        == before
    )
    assert templated.run("dev", "list", "--json").json["databases"][1]["state"] == "foreign"


def test_a_server_that_stops_answering_makes_no_stranger_of_a_template(
    templated: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise ConnectError("no answer", hint="penstock conn test")

    monkeypatch.setattr(templates, "find", gone)
    own, template = templated.run("dev", "list", "--json").json["databases"]
    assert (own["state"], template["state"], template["problem"]) == ("missing", "unreachable", "no answer")


def test_refresh_makes_the_template_anew_and_leaves_its_copies(templated: Folder) -> None:
    assert templated.run("dev", "create", "--from-template", "small").code == 0
    templated.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    done = templated.run("dev", "refresh", "small", "--template")
    assert done.code == 0, done.err
    assert templated.names() == [templated.database, f"{templated.database}__template"]
    assert counts(templated.made)["orders"] == 50
    ann = f"{templated.database}_ann"
    assert templated.run("dev", "create", "--from-template", "small", "--database", ann).code == 0
    assert counts(templated.target.database(ann))["orders"] == 51


def test_drop_removes_a_copy_or_the_template_by_name(templated: Folder) -> None:
    ann = f"{templated.database}_ann"
    assert templated.run("dev", "create", "--from-template", "small", "--database", ann).code == 0
    assert templated.run("dev", "drop", "small", "--template", "--yes").code == 0
    assert templated.names() == [ann]
    missing = templated.run("dev", "create", "--from-template", "small")
    assert missing.code == 4
    assert "--template" in missing.err
    assert templated.run("dev", "drop", "small", "--database", ann, "--yes").code == 0
    assert templated.names() == []


def test_a_role_to_whom_the_template_does_not_belong_leaves_nothing(
    templated: Folder, make_role: MakeRole
) -> None:
    name, password = make_role("CREATEDB")
    templated.log_in_as("dev", name, password)
    copied = templated.run("dev", "create", "--from-template", "small")
    assert copied.code == 3, copied.err
    assert "permission denied" in copied.err
    assert templated.names() == [f"{templated.database}__template"]


def test_a_server_that_cannot_clone_files_copies_them(
    templated: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if templated.target.major < 18:
        pytest.skip("file_copy_method is of PostgreSQL 18")
    asked = []
    create_from = databases.create_from

    def refuse_once(*arguments: object) -> None:
        asked.append(arguments)
        if len(asked) == 1:
            raise QueryError(
                "copying failed", why='could not clone file "base/5" to "base/6": Operation not supported'
            )
        create_from(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copies.databases, "create_from", refuse_once)
    context = templated.project._context("small")
    copied = copies.from_template(context, Silent())
    assert copied.how == "file copy"
    assert len(asked) == 2
    assert counts(templated.made)["customer"] == 5


@pytest.mark.parametrize("of", ["", "_ann"])
def test_a_copy_made_by_hand_is_its_makers_and_nobody_elses(templated: Folder, of: str) -> None:
    ann, mine = f"{templated.database}_ann", f"{templated.database}_mine"
    assert templated.run("dev", "create", "--from-template", "small").code == 0
    assert templated.run("dev", "create", "--from-template", "small", "--database", ann).code == 0
    templated.target.maintenance.execute(f"CREATE DATABASE {mine} TEMPLATE {templated.database}{of}")
    listed = templated.run("dev", "list", "--json").json["databases"]
    assert mine not in [item["database"] for item in listed]
    for command in (["drop", "--yes"], ["reset", "--yes", "--grace", "0s"], ["drift"]):
        refused = templated.run("dev", *command, "small", "--database", mine)
        assert refused.code == 4, command
        assert "somebody copied or renamed" in refused.err
        assert f'DROP DATABASE "{mine}";' in refused.err
    assert mine in templated.names()
    assert templated.run("dev", "drop", "small", "--database", ann, "--yes").code == 0, "Penstock's own"


def test_a_copy_made_by_hand_under_the_sections_name_is_listed_as_not_ours(templated: Folder) -> None:
    ann = f"{templated.database}_ann"
    assert templated.run("dev", "create", "--from-template", "small", "--database", ann).code == 0
    templated.target.maintenance.execute(f"CREATE DATABASE {templated.database} TEMPLATE {ann}")
    listed = templated.run("dev", "list", "--json").json["databases"]
    assert (listed[0]["state"], f"copied or renamed {ann}" in listed[0]["problem"]) == ("foreign", True)
    for command in (["refresh", "small"], ["drop", "small", "--yes"]):
        assert templated.run("dev", *command).code == 4
    assert templated.made.value("SELECT count(*) FROM customer") == 5

"""What is due, what has expired, and what to install so that a machine asks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from penstock.devdb import debris
from penstock.devdb.context import Context, context_of
from penstock.devdb.inspect import Listed
from penstock.devdb.lifecycle import listing
from tests.devdb.conftest import Folder
from tests.devdb.processes import looking


def lives(folder: Folder, *lines: str) -> None:
    toml = folder.path / "penstock.toml"
    toml.write_text(toml.read_text().replace("[devdb.small]", "\n".join(["[devdb.small]", *lines])))


def grow_old(folder: Folder, database: str, days: int) -> None:
    folder.target.database(database).execute(
        f"UPDATE penstock.manifest SET created_at = created_at - interval '{days} days'"
    )


def test_only_what_is_due_is_reset(templated: Folder) -> None:
    lives(templated, 'schedule = "every 2 weeks"')
    ann, bob = f"{templated.database}_ann", f"{templated.database}_bob"
    for database in (ann, bob):
        assert templated.run("dev", "create", "--from-template", "small", "--database", database).code == 0
        templated.target.database(database).execute("DELETE FROM orders")
    assert templated.run("dev", "reset", "--due", "--yes").out.strip() == "nothing is due"
    grow_old(templated, ann, 14)
    grow_old(templated, bob, 13)
    assert [item.database for item in templated.project.due_dev()] == [ann]
    done = templated.run("dev", "reset", "small", "--due", "--yes", "--grace", "0s", "--json")
    assert done.code == 0, done.err
    assert [r["database"] for r in done.json["reset"]] == [ann]
    assert templated.target.database(ann).value("SELECT count(*) FROM orders") == 50
    assert templated.target.database(bob).value("SELECT count(*) FROM orders") == 0
    assert templated.run("dev", "reset", "--due", "--yes").out.strip() == "nothing is due"


def test_one_that_cannot_be_reset_keeps_no_other_from_it(templated: Folder) -> None:
    lives(templated, 'schedule = "every day"')
    names = [f"{templated.database}_{who}" for who in ("ann", "bob")]
    for database in names:
        assert templated.run("dev", "create", "--from-template", "small", "--database", database).code == 0
        grow_old(templated, database, 2)
    templated.target.database(names[0]).execute("CREATE TABLE mine ()")
    done = templated.run("dev", "reset", "--due", "--grace", "0s", "--json")
    assert done.code == 4
    assert [r["database"] for r in done.json["reset"]] == [names[1]]
    assert [(f["database"], f["code"]) for f in done.json["failed"]] == [(names[0], "PEN-4400")]


def test_a_server_that_does_not_answer_is_no_success(folder: Folder) -> None:
    lives(folder, 'schedule = "every day"')
    done = folder.run("--set", "connections.dev.port=1", "dev", "reset", "--due", "--yes")
    assert done.code == 3


def test_what_outlived_its_ttl_is_listed_and_dropped(templated: Folder) -> None:
    lives(templated, 'ttl = "14d"')
    ann, bob = f"{templated.database}_ann", f"{templated.database}_bob"
    for database, days in ((ann, 15), (bob, 3)):
        assert templated.run("dev", "create", "--from-template", "small", "--database", database).code == 0
        grow_old(templated, database, days)
    listed = {i["database"]: i for i in templated.run("dev", "list", "--json").json["databases"]}
    assert [listed[n]["expired"] for n in (ann, bob)] == [True, False]
    assert listed[ann]["age_seconds"] >= 15 * 86400
    assert listed[bob]["expires_at"] > listed[bob]["created_at"]
    assert "expired 20" in templated.run("dev", "list").out
    assert templated.run("dev", "drop", "--expired").code == 2, "it asks"
    done = templated.run("dev", "drop", "--expired", "--yes")
    assert done.code == 0, done.err
    assert templated.names() == [f"{templated.database}__template", bob]
    assert "nothing has expired" in templated.run("dev", "drop", "--expired", "--yes").err


@pytest.fixture
def expired(templated: Folder) -> tuple[str, str]:
    """Two copies of the template that have outlived their time."""
    lives(templated, 'ttl = "14d"')
    ann, bob = f"{templated.database}_ann", f"{templated.database}_bob"
    for database in (ann, bob):
        assert templated.run("dev", "create", "--from-template", "small", "--database", database).code == 0
        grow_old(templated, database, 15)
    return ann, bob


def test_what_was_made_anew_since_it_was_listed_stays(
    templated: Folder, expired: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = expired
    real = listing.expired

    def reset_meanwhile(context: Context) -> list[Listed]:
        found = real(context)
        grow_old(templated, ann, -15)
        return found

    monkeypatch.setattr(listing, "expired", reset_meanwhile)
    done = templated.run("dev", "drop", "--expired", "--yes")
    assert done.code == 0, done.err
    assert f"{ann} was made anew meanwhile" in done.err
    assert templated.names() == [f"{templated.database}__template", ann]


def test_one_that_cannot_be_dropped_keeps_no_other_from_it(
    templated: Folder, expired: tuple[str, str]
) -> None:
    ann, bob = expired
    context = context_of(templated.project.settings, "small")
    with context.target_session() as maintenance, debris.build_lock(maintenance, ann):
        done = templated.run("dev", "drop", "--expired", "--yes")
        found = templated.project.drop_expired_dev()
    assert done.code == 4
    assert f"another run is building {ann}" in done.err
    assert f"dropped: {bob}" in done.err
    assert templated.names() == [f"{templated.database}__template", ann]
    assert (found.done, [f.database for f in found.failed], found.exit_code) == ((), [ann], 4)


def test_only_what_somebody_agreed_to_is_dropped(templated: Folder, expired: tuple[str, str]) -> None:
    ann, bob = expired
    assert templated.project.drop_expired_dev("small", of=[bob]).done == (bob,)
    assert ann in templated.names()


def test_a_server_that_does_not_answer_has_expired_databases_for_all_we_know(folder: Folder) -> None:
    lives(folder, 'ttl = "1d"')
    assert folder.run("--set", "connections.dev.port=1", "dev", "drop", "--expired", "--yes").code == 3


def test_what_is_to_be_installed_asks_often_enough_and_is_well_formed(folder: Folder) -> None:
    lives(folder, 'schedule = "every 2 weeks"')
    text = folder.run("dev", "reset", "small", "--print-schedule", "--keep-extra").out
    (cron,) = [line for line in text.splitlines() if line.startswith("17 ")]
    assert cron.startswith("17 3 * * * ")
    assert cron.endswith("dev reset small --due --yes --keep-extra")
    assert str(folder.path) in cron
    units = text.split("# /etc/systemd/system/")[1:]
    for unit in units:
        name, _, body = unit.partition("\n")
        place = folder.path / name
        place.write_text(body)
        assert "[Unit]" in body
    assert "OnCalendar=*-*-* 03:17:00" in text
    hourly = folder.run(
        "--set", "devdb.small.schedule=every 6 hours", "dev", "reset", "small", "--print-schedule"
    ).out
    assert "\n17 * * * * " in hourly


def test_systemd_takes_the_units(folder: Folder) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    lives(folder, 'schedule = "every 2 weeks"')
    text = folder.run("dev", "reset", "small", "--print-schedule").out
    files = []
    for unit in text.split("# /etc/systemd/system/")[1:]:
        name, _, body = unit.partition("\n")
        files.append(folder.path / name)
        files[-1].write_text(body)
    done = subprocess.run([analyze, "verify", *map(str, files)], capture_output=True, text=True, check=False)
    ours = [
        line for line in done.stderr.splitlines() if "penstock-reset" in line and "not executable" not in line
    ]
    assert ours == []


@pytest.mark.parametrize("line", ['schedule = "monthly"', 'ttl = "two weeks"', 'hooks.timeout = "x"'])
def test_a_span_that_is_none_is_an_error_of_the_file(folder: Folder, line: str) -> None:
    lives(folder, line)
    done = folder.run("dev", "list")
    assert done.code == 2
    assert Path("penstock.toml").name in done.err


@pytest.mark.parametrize(
    "options",
    [["--grace", "soon"], ["--rebuild-after", "x"], ["--due", "--database", "x"], ["--print-schedule"]],
)
def test_options_that_make_no_sense_are_usage_errors(folder: Folder, options: list[str]) -> None:
    assert folder.run("dev", "reset", "small", *options).code == 2


def test_somebody_at_work_is_warned_by_a_scheduled_reset_too(templated: Folder) -> None:
    lives(templated, 'schedule = "every day"')
    assert templated.run("dev", "create", "--from-template", "small").code == 0
    grow_old(templated, templated.database, 2)
    with looking(templated.made, "ann's psql"):
        done = templated.run("dev", "reset", "--due", "--yes", "--grace", "1s", "--json")
    assert done.code == 0, done.err
    assert "ann's psql" in done.json["reset"][0]["disconnected"][0]

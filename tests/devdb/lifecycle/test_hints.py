"""What is typed next leads to the database that was meant: a developer's copy is never confused with the section's own."""

from __future__ import annotations

import pytest

from penstock.devdb import manifest
from penstock.engines.postgres.session import Session
from tests.devdb.conftest import Folder


@pytest.fixture
def ann(templated: Folder) -> str:
    """Ann's own copy of the template."""
    name = f"{templated.database}_ann"
    assert templated.run("dev", "create", "--from-template", "small", "--database", name).code == 0
    return name


def hints(text: str) -> str:
    """What an error or a report says to type."""
    return "\n".join(line for line in text.splitlines() if "penstock dev" in line)


def test_a_refused_reset_of_a_copy_names_the_copy(templated: Folder, ann: str) -> None:
    templated.target.database(ann).execute(
        "UPDATE penstock.manifest SET document = document - 'inventory' - 'made_from'"
    )
    mine = f"small --database {ann}"
    refused = templated.run("dev", "reset", "small", "--database", ann, "--keep-extra", "--grace", "0s")
    assert refused.code == 4
    assert f"penstock dev reset {mine} --yes" in hints(refused.err)
    old = templated.run("dev", "drift", "small", "--database", ann)
    assert f"penstock dev refresh small --template; penstock dev reset {mine}" in hints(old.err)


def test_a_copy_that_is_there_or_is_not_is_named_in_what_to_do(templated: Folder, ann: str) -> None:
    mine = f"small --database {ann}"
    there = templated.run("dev", "create", "--from-template", "small", "--database", ann)
    assert f"penstock dev reset {mine} makes it anew; penstock dev drop {mine} removes it" in hints(there.err)
    assert templated.run("dev", "drop", "small", "--database", ann, "--yes").code == 0
    for command in ("reset", "drift"):
        gone = templated.run("dev", command, "small", "--database", ann)
        assert gone.code == 4
        assert f"penstock dev create --from-template {mine}" in hints(gone.err)


def test_drift_of_a_copy_leads_through_its_template(templated: Folder, ann: str) -> None:
    templated.source.execute("ALTER TABLE orders ADD COLUMN fresh int")
    mine = f"small --database {ann}"
    drifted = templated.run("dev", "drift", "small", "--database", ann)
    assert drifted.code == 1
    assert f"Next: penstock dev refresh small --template; penstock dev reset {mine}" in hints(drifted.out)
    listed = templated.run("dev", "list", "--drift")
    assert f"penstock dev drift {mine}" in listed.out


def test_the_sections_own_database_needs_no_name(made: Folder) -> None:
    again = made.run("dev", "create", "small")
    assert "penstock dev refresh small makes it anew; penstock dev drop small removes it" in again.err


def test_created_at_is_of_the_run_that_made_it_and_changed_at_of_the_last(made: Folder) -> None:
    with Session.open(
        made.project.settings.only_connection("target"), read_only=False, database=made.database
    ) as session:
        (first,) = manifest.read(session)
        later = manifest.Manifest("later", "add", "2099-01-01T00:00:00+00:00", first.document)
        manifest.write(session, later)
    (listed,) = made.run("dev", "list", "--json").json["databases"]
    assert listed["created_at"] == first.created_at
    assert listed["changed_at"].startswith("2099-01-01")
    assert listed["age_seconds"] < 3600

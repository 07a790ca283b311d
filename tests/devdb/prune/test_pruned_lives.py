"""A pruned database lives as others do: as a template, reset, with hooks and developers, or as files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.prune.test_prune_dev import ROOT, STARTS, WHOLE, made_of, with_cut
from tests.devdb.small_shop import MASKS, SHOP, databases, rows

FEW = ROOT + "limit = 3\n"


@pytest.fixture(params=STARTS)
def pruning(request: pytest.FixtureRequest, make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    folder = make_folder(make_database(SHOP), WHOLE, MASKS)
    assert folder.run("dev", "create", "small").code == 0
    return with_cut(folder, FEW, existing=request.param == STARTS[0])


def run(folder: Folder, *command: str) -> str:
    done = folder.run("dev", *command)
    assert done.code == 0, done.err + done.out
    return done.out


def test_it_can_be_kept_as_a_template_and_reset_from_that(pruning: Folder) -> None:
    run(pruning, "create", "cut", "--template")
    run(pruning, "create", "cut", "--from-template")
    fresh = rows(made_of(pruning))
    assert len(fresh["customer"]) == 3
    made_of(pruning).execute("DELETE FROM orders")
    run(pruning, "reset", "cut", "--yes", "--grace", "0s")
    assert rows(made_of(pruning)) == fresh


def test_a_reset_without_a_template_and_a_refresh_prune_again(pruning: Folder) -> None:
    run(pruning, "create", "cut")
    fresh = rows(made_of(pruning))
    for again in (("reset", "cut", "--yes", "--grace", "0s"), ("refresh", "cut")):
        made_of(pruning).execute("DELETE FROM orders")
        run(pruning, *again)
        assert rows(made_of(pruning)) == fresh


def test_files_hold_the_rows_that_stay_and_no_manifest_of_another_database(
    pruning: Folder, tmp_path: Path
) -> None:
    before = databases(pruning.target)
    run(pruning, "create", "cut", "--to", str(tmp_path / "out"), "--format", "sql")
    said = json.loads((tmp_path / "out/manifest.json").read_text())
    counts = {table["table"]: table["rows"] for table in said["tables"]}
    assert counts["public.customer"] == 3
    assert "penstock.manifest" not in counts
    assert "penstock" not in (tmp_path / "out/database.sql").read_text().replace("Penstock", "")
    assert databases(pruning.target) == before


def test_hooks_run_and_its_manifest_says_what_it_holds_and_when_production_was_read(pruning: Folder) -> None:
    hook = [sys.executable, "-c", "import os, sys; open('ran', 'a').write(os.environ['PENSTOCK_HOOK'] + ' ')"]
    with pruning.path.joinpath("penstock.toml").open("a") as file:
        file.write(
            f"\n[devdb.cut.hooks]\nbefore_create = {json.dumps(hook)}\nafter_create = {json.dumps(hook)}\n"
        )
    run(pruning, "create", "cut")
    assert pruning.path.joinpath("ran").read_text() == "before_create after_create "
    ((text,),) = made_of(pruning).rows("SELECT document::text FROM penstock.manifest")
    document = json.loads(text)
    assert {"public.customer", "public.orders"} <= document["inventory"]["table"].keys()
    listed = {item["name"]: item for item in json.loads(run(pruning, "list", "--json"))["databases"]}
    read = "small" if "pruned_from" in document else "cut"
    assert listed["cut"]["read_at"] == listed[read]["created_at"]
    run(pruning, "drift", "cut")

"""A pruned database lives as others do: as a template, reset, with hooks and developers, or as files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.devdb.building.build import Built
from penstock.devdb.context import Context
from penstock.devdb.prepare import Prepared
from penstock.devdb.prune.whole import clone_everything
from penstock.engines.postgres.session import Session
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


def test_workers_clone_what_is_pruned_then_and_it_verifies(pruning: Folder) -> None:
    run(pruning, "create", "cut", "--jobs", "3", "--vacuum", "analyze")
    assert len(rows(made_of(pruning))["customer"]) == 3
    run(pruning, "verify", "cut")


@pytest.mark.parametrize("left", ["skip", "empty"])
def test_a_table_left_out_is_not_cloned_either(
    left: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SHOP), WHOLE, MASKS)
    edge = '[[devdb.cut.edge]]\nfrom = "public.orders.amount"\nto = "public.customer.id"\n'
    with_cut(folder, f'{left} = ["public.orders"]\n{FEW}{edge if left == "skip" else ""}', existing=False)
    run(folder, "create", "cut")
    assert len(made_of(folder).rows("SELECT FROM customer")) == 3
    there = made_of(folder).value("SELECT to_regclass('public.orders') IS NOT NULL")
    assert there == (left == "empty")
    assert not there or made_of(folder).rows("SELECT FROM orders") == []
    run(folder, "verify", "cut")


def test_a_clone_that_lacks_a_row_is_not_pruned(
    make_database: MakeDatabase, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_cut(make_folder(make_database(SHOP), WHOLE, MASKS), FEW, existing=False)
    before = databases(folder.target)

    def losing(context: Context, prepared: Prepared, source: Session, database: str, *rest: Any) -> Built:
        built = clone_everything(context, prepared, source, database, *rest)
        with context.target_session(database) as target:
            target.execute("DELETE FROM public.orders WHERE id = (SELECT max(id) FROM public.orders)")
        return built

    monkeypatch.setattr("penstock.devdb.prune.whole.clone_everything", losing)
    done = folder.run("dev", "create", "cut")
    assert done.code == 1
    assert "rows of public.orders were cloned instead of" in done.err
    assert databases(folder.target) == before

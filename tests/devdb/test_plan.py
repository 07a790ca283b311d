"""`dev plan`: exact counts, saved plans, and nothing touched."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.devdb.planning.plan import (
    ColumnPlan,
    EdgePlan,
    Plan,
    Refusal,
    TablePlan,
    require_no_drift,
    settings_from_dict,
)
from penstock.errors import ConfigError, PlanDrift
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.processes import running, wait_until
from tests.devdb.small_shop import DEVDB, MASKS, SHOP, checksum, counts, databases


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


def test_a_plan_says_what_the_leak_check_reads_of_the_source_and_how_long_its_snapshot_lives(
    folder: Folder,
) -> None:
    sizes: dict[str, int] = {
        table: folder.source.value(f"SELECT pg_relation_size('public.{table}')")
        for table in ("customer", "orders")
    }
    planned = folder.run("dev", "plan", "small", "--json").json
    assert planned["leak_check_bytes"] == sum(sizes.values()), "whole tables, though few rows are copied"
    assert planned["bytes"] < planned["leak_check_bytes"]
    folder.write(
        masks=MASKS.replace('note = "text"', 'note = "keep"').replace('nick = "text"', 'nick = "keep"')
    )
    assert folder.run("dev", "plan", "small", "--json").json["leak_check_bytes"] == sizes["customer"]
    folder.write(
        masks=MASKS.replace('note = "text"', 'note = "keep"').replace('name = "text"', 'name = "person_name"')
    )
    assert folder.run("dev", "plan", "small", "--json").json["leak_check_bytes"] == 2 * sizes["customer"], (
        "once for the nicks, and once to lay the names beside each other"
    )
    folder.write(devdb="max_snapshot_minutes = 7.5\n" + DEVDB)
    shown = folder.run("dev", "plan", "small")
    assert re.search(r"the leak check reads ≈[\d.]+ kB of the source, .* ≈0\.0 min \(limit 7\.5\)", shown.out)


def test_a_plan_warns_of_a_root_without_rows(folder: Folder) -> None:
    folder.write(devdb=DEVDB + '[[devdb.small.root]]\ntable = "public.orders"\nwhere = "id < 0"\n')
    planned = folder.run("dev", "plan", "small", "--json")
    assert planned.code == 0, planned.err
    assert not [w for w in planned.json["warnings"] if "no row of" in w], "there are orders of other roots"
    folder.write(devdb=DEVDB.replace("limit = 5", "where = \"nick = 'zebquart4000'\""))
    planned = folder.run("dev", "plan", "small", "--json")
    assert "no row of public.customer satisfies the conditions of its root" in planned.json["warnings"]
    assert "zebquart4000" not in str(planned.json["warnings"])


def test_a_plan_warns_of_the_heirs_of_a_chosen_table_that_are_not_chosen(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE base (id int); CREATE TABLE near () INHERITS (base); CREATE TABLE far () INHERITS (near);"
        "CREATE TABLE part (id int) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);"
        "INSERT INTO base VALUES (1); INSERT INTO near VALUES (2); INSERT INTO far VALUES (3);"
        "INSERT INTO part VALUES (1);"
    )

    def warned(devdb: str) -> list[str]:
        planned = make_folder(source, devdb).run("dev", "plan", "small", "--json")
        assert planned.code == 0, planned.err
        return [w for w in planned.json["warnings"] if "heirs" in w]

    roots = {
        name: f'[[devdb.small.root]]\ntable = "public.{name}"\n' for name in ("base", "near", "far", "part")
    }
    (warning,) = warned(roots["base"] + roots["part"])
    assert warning.startswith("public.base has heirs")
    assert warning.endswith("public.near, public.far; make them roots too")
    (warning,) = warned('keep = ["public.near"]')
    assert warning.endswith(": public.far; keep them too")
    assert warned(roots["base"] + roots["near"] + roots["far"]) == []
    assert warned('empty = ["public.near", "public.far"]\n' + roots["base"]) == []


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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plan: plan["tables"][0].update(rows="x"), "tables[0].rows (the saved plan)"),
        (lambda plan: plan["tables"][0].update(rows=-1), "tables[0] (the saved plan): `rows`"),
        (lambda plan: plan["tables"][0].update(rows=10**400), "tables[0] (the saved plan): `rows`"),
        (lambda plan: plan["tables"].append(None), "(the saved plan)"),
        (lambda plan: plan["columns"][0].pop("mask"), "columns[0] (the saved plan) lacks the key 'mask'"),
        (lambda plan: plan.update(edges=7), "edges (the saved plan)"),
        (lambda plan: plan.update(format=99), "a plan of another version"),
        (lambda plan: plan.pop("tables"), "is not a saved plan"),
        (lambda plan: plan["settings"].update(keep=[]), "was edited"),
    ],
)
def test_a_plan_somebody_edited_is_refused_before_anything(
    change: Callable[[Any], Any], says: str, folder: Folder
) -> None:
    path = folder.path / "plan.json"
    assert folder.run("dev", "plan", "small", "--save", str(path)).code == 0
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    refused = folder.run("dev", "create", "small", "--plan", str(path))
    assert refused.code == 2, refused.err
    assert "[PEN-2100]" in refused.err
    assert says in refused.err
    assert "hint: " in refused.err
    assert "penstock dev plan " in refused.err
    assert folder.names() == []


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a JSON document with every key it has."""
    keys = (
        document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    )
    for key in keys:
        yield document, key
        yield from places(document[key])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PLAN = Plan(
    name="small",
    source="postgresql://a@b:5432/c",
    target="postgresql://a@b:5432/d",
    database="small",
    made_at="2026-03-01T09:00:02+00:00",
    settings={"root": [{"table": "public.t", "limit": 5}], "keep": ["public.u"]},
    key_fingerprint="0011",
    tables=(TablePlan("public.t", "root", 5, 10, None, 20), TablePlan("public.u", "keep", 2, 10, 2, 20)),
    columns=(ColumnPlan("public.t.name", "text", "d", "fresh", "kept", "registry"),),
    edges=(EdgePlan("public.t.t_u_fkey", "parents", 2, 0.5),),
    dangling=("public.t.t_u_fkey",),
    left_out=("event trigger x: event triggers are never copied",),
    warnings=("a warning",),
    refusals=(Refusal("PEN-4300", "what", "hint"),),
)


@given(data=st.data())
def test_no_mutation_of_a_saved_plan_is_an_error_nobody_foresaw(data: st.DataObject) -> None:
    document = json.loads(json.dumps(PLAN.as_dict()))
    for _ in range(data.draw(st.integers(1, 3))):
        within, key = data.draw(st.sampled_from(list(places(document))))
        if data.draw(st.booleans()):
            within[key] = data.draw(JSON)
        else:
            del within[key]
        if not document:
            break
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.json")
        path.write_text(json.dumps(document))
        with contextlib.suppress(ConfigError, PlanDrift):
            loaded = Plan.load(path)
            settings_from_dict(loaded.settings, loaded.name)
            require_no_drift(loaded, PLAN, 10.0)
            json.dumps(loaded.as_dict())


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '"\\ud800"', '{"format": 1}', "\xff"])
def test_what_is_no_plan_at_all_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match="is not a saved plan"):
        Plan.load(path)


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

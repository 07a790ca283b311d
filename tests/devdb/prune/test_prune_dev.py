"""`strategy = "prune"` the whole way: planned, guarded, copied, pruned, verified, published."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.devdb.context import context_of
from penstock.devdb.prepare import prepare
from penstock.devdb.progress import Silent
from penstock.devdb.prune import alone
from tests.conftest import MakeDatabase
from tests.devdb.conftest import KEY, Done, Folder, MakeFolder
from tests.devdb.prepared import its_own, prepared
from tests.devdb.processes import looking
from tests.devdb.small_shop import MASKS, SHOP, assert_says_no_more_than_it_may, checksum, databases, rows
from tests.servers import Database, Server

WHOLE = 'keep = ["public.country", "public.customer", "public.orders"]'
STARTS = ("from a database", "from a copy made first")
ROOT = '[[devdb.cut.root]]\ntable = "public.customer"\n'


def with_cut(folder: Folder, cut: str, *, whole: str = WHOLE, existing: bool = True) -> Folder:
    """The project with a section `cut` beside `small`: pruned from small's database, or from a copy made first."""
    start = f'from_database = "{folder.database}"\n' if existing else ""
    head, _, tables = cut.partition("[[")
    rest = f"[[{tables}" if tables else ""
    section = f'\n[devdb.cut]\ndatabase = "{name_of(folder)}"\nstrategy = "prune"\n{start}{head}\n{rest}'
    folder.write(devdb=whole + section)
    return folder


def name_of(folder: Folder) -> str:
    return f"{folder.database}_cut"


def made_of(folder: Folder) -> Database:
    return folder.target.database(name_of(folder))


MORE = """
ALTER TABLE customer ADD size int GENERATED ALWAYS AS (length(name)) STORED;
CREATE VIEW seen AS SELECT id, upper(name) AS said FROM customer;
"""


@pytest.fixture(scope="module")
def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    with prepared(postgres, tmp_path_factory.mktemp("shared"), SHOP + MORE, WHOLE, MASKS) as folder:
        yield folder


@pytest.fixture
def shop(shared: Folder, tmp_path: Path) -> Iterator[Folder]:
    """A project whose section `small` is the whole shop, made already; neither it nor the source is changed."""
    with its_own(shared, tmp_path / "project") as folder:
        yield folder


def created(folder: Folder, *options: str) -> Done:
    done = folder.run("dev", "create", "cut", *options)
    assert done.code == 0, done.err + done.out
    return done


@pytest.mark.parametrize(("start", "jobs"), [(STARTS[0], "1"), (STARTS[1], "2")])
def test_a_pruned_copy_holds_what_a_subset_of_the_same_roots_does(
    start: str, jobs: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    root = 'where = "id % 7 = 0"\nlimit = 4\n'
    folder = make_folder(make_database(SHOP), WHOLE, MASKS)
    existing = start == STARTS[0]
    if existing:
        assert folder.run("dev", "create", "small").code == 0
    with_cut(folder, ROOT + root, existing=existing)
    folder.path.joinpath("penstock.toml").write_text(
        folder.path.joinpath("penstock.toml").read_text()
        + f'[devdb.subset]\ndatabase = "{folder.database}_subset"\n{ROOT.replace("cut", "subset")}{root}'
    )
    created(folder, "--jobs", jobs)
    assert folder.run("dev", "create", "subset").code == 0
    subset = rows(folder.target.database(f"{folder.database}_subset"))
    assert rows(made_of(folder)) == subset
    assert len(subset["customer"]) == 4


SAMPLES = {
    "pagila": '[[devdb.NAME.root]]\ntable = "public.customer"\nwhere = "store_id = 1"\nlimit = 40\n',
    "northwind": '[[devdb.NAME.root]]\ntable = "public.orders"\nlimit = 25\n',
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_real_samples_too(sample: str, make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    source = make_database(template=sample)
    tables = [
        name
        for (name,) in source.rows(
            "SELECT 'public.' || relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
            "AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
    ]
    whole = f'unclassified = "mask"\nkeep = {json.dumps(tables)}'
    folder = make_folder(source, whole)
    assert folder.run("dev", "create", "small").code == 0
    cut = 'unclassified = "mask"\n' + SAMPLES[sample].replace("NAME", "cut")
    with_cut(folder, cut, whole=whole)
    subset = SAMPLES[sample].replace("NAME", "subset")
    with folder.path.joinpath("penstock.toml").open("a") as file:
        file.write(f'[devdb.subset]\ndatabase = "{folder.database}_subset"\nunclassified = "mask"\n{subset}')
    created(folder, "--jobs", "2")
    done = folder.run("dev", "create", "subset")
    assert done.code == 0, done.err
    expected = rows(folder.target.database(f"{folder.database}_subset"))
    assert rows(made_of(folder)) == expected
    assert sum(map(len, expected.values())) > 100


def test_the_plan_says_which_table_goes_which_way_and_writes_nothing(shop: Folder) -> None:
    with_cut(shop, '[[devdb.cut.delete]]\ntable = "public.customer"\nwhere = "id > 5"\n')
    before = checksum(shop.made), databases(shop.target)
    done = shop.run("dev", "plan", "cut")
    assert done.code == 0, done.err
    assert (checksum(shop.made), databases(shop.target)) == before
    assert "pruned: 385 rows go (= exact), 1 tables stay as they are" in done.out
    said = [line.split() for line in done.out.splitlines()]
    at = said.index(["rows", "deleted", "along"])
    assert said[at + 1] == ["350", "100.0%", "public.orders.orders_customer_id_fkey"]
    assert "brought in" not in done.out
    plan = shop.run("dev", "plan", "cut", "--json").json
    ways = {way["table"]: way for way in plan["ways"]}
    assert ways["public.country"] | {"bytes": 0} == {
        "table": "public.country", "way": "keep", "why": "no row goes", "go": 0, "stay": 2, "share": 0.0, "bytes": 0,
    }  # fmt: skip
    assert (ways["public.customer"]["go"], ways["public.customer"]["stay"]) == (35, 5)
    assert (ways["public.orders"]["go"], ways["public.orders"]["share"]) == (350, 0.875)
    assert {
        "relation": "public.orders.orders_customer_id_fkey",
        "direction": "deleted",
        "rows": 350,
        "share": 1.0,
    } in plan["edges"]
    assert created(shop, "--json").json["plan"]["ways"] == plan["ways"]
    assert shop.run("dev", "verify", "cut").code == 0


def test_the_database_it_starts_from_stays_as_it_is_and_so_do_the_masks(shop: Folder) -> None:
    before = checksum(shop.made)
    with_cut(shop, ROOT + "limit = 3")
    created(shop)
    assert checksum(shop.made) == before
    (document,) = made_of(shop).rows("SELECT document::text FROM penstock.manifest")
    manifest = json.loads(document[0])
    assert manifest["pruned_from"]["database"] == shop.database
    assert manifest["tables"]["public.customer"]["rows"] == 3
    assert manifest["verification"]["leaks"]["status"] == "ok"
    names = set(rows(made_of(shop))["customer"])
    assert names < set(rows(shop.made)["customer"])
    refreshed = shop.run("dev", "refresh", "cut")
    assert refreshed.code == 0, refreshed.err
    assert shop.names() == [shop.database, name_of(shop)]


def test_a_prune_whose_source_cannot_be_reached_says_that_no_leak_was_searched(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    path = shop.path / "penstock.toml"
    path.write_text(path.read_text().replace(f"port = {shop.source.server.port}", "port = 1", 1))
    done = created(shop)
    assert "leaks not searched: the source was not reachable" in done.out
    assert "the leak check is left out" in done.err
    assert created_rows(shop) == 3


def test_what_production_has_dropped_is_listed_as_not_tested_and_fails_nothing(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    shop = make_folder(make_database(SHOP), WHOLE, MASKS)
    assert shop.run("dev", "create", "small").code == 0
    with_cut(shop, ROOT + "limit = 3")
    shop.source.execute("ALTER TABLE public.orders DROP COLUMN note")
    done = created(shop, "--json")
    leaks = done.json["verification"]["leaks"]
    assert leaks["status"] == "ok"
    tests = {test["column"]: test for test in leaks["tests"]}
    gone = tests.pop("public.orders.note")
    assert (gone["test"], gone["status"], gone["out_of_reach"]) == ("not tested", "not tested", True)
    assert gone["detail"] == "the source has no such column any more"
    assert tests
    assert not any(test["out_of_reach"] for test in tests.values())


def test_what_is_said_of_production_says_production(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    created(shop)
    told = []
    for existing in (True, False):
        context = context_of(shop.project.settings, "cut")
        with context.source_session() as session:
            told.append(prepare(context, session, Silent(), existing=existing).plan.source)
    assert told[0] == f"the database {shop.database}"
    assert told[1] == context.source.describe()
    plan = shop.run("dev", "plan", "cut", "--json").json
    assert plan["source"] == told[0]


def created_rows(folder: Folder) -> int:
    count: int = made_of(folder).value("SELECT count(*) FROM public.customer")
    return count


MASKED = {
    "a root's where": '[[devdb.cut.root]]\ntable = "public.customer"\nwhere = "nick LIKE \'zeb%\'"',
    "a root's order": '[[devdb.cut.root]]\ntable = "public.customer"\nlimit = 3\norder_by = "name"',
    "a delete rule": '[[devdb.cut.delete]]\ntable = "public.customer"\nwhere = "lower(name) > \'m\'"',
    "another table": '[[devdb.cut.root]]\ntable = "public.customer"\nwhere = "id IN (SELECT customer_id FROM orders WHERE note > \'m\')"',
    "a whole row": '[[devdb.cut.root]]\ntable = "public.customer"\nwhere = "customer::text > \'m\'"',
    "a view": '[[devdb.cut.root]]\ntable = "public.customer"\nwhere = "id IN (SELECT id FROM seen WHERE said > \'m\')"',
    "a generated column": '[[devdb.cut.root]]\ntable = "public.customer"\nwhere = "size > 3"',
    "an edge": ROOT + 'limit = 3\n[[devdb.cut.edge]]\nfrom = "public.orders"\nto = "public.customer"\n'
    'on = "child.note = parent.name"',
}  # fmt: skip
# The same question is asked of a database that is there, and of a schema that was restored to be asked.
ASKED = [*((where, STARTS[0]) for where in MASKED), ("a whole row", STARTS[1]), ("a view", STARTS[1])]


@pytest.mark.parametrize(("where", "start"), ASKED)
def test_a_condition_over_a_masked_column_is_refused(where: str, start: str, shop: Folder) -> None:
    existing = start == STARTS[0]
    folder = with_cut(shop, MASKED[where], existing=existing)
    before = folder.names()
    commands = ("plan", "create") if existing else ("create",)
    for command in commands:
        done = folder.run("dev", command, "cut")
        assert done.code == 2, done.out + done.err
        assert "which is masked" in done.err
        assert 'strategy = "subset"' in done.err
        assert_says_no_more_than_it_may(done, folder)
    assert folder.names() == before


def test_a_number_of_rows_in_the_order_of_a_masked_key_is_refused(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE public.person (name text PRIMARY KEY); INSERT INTO public.person VALUES ('Zebulon')"
    )
    whole = 'keep = ["public.person"]'
    folder = make_folder(source, whole, '[public.person]\nname = "text"\n')
    assert folder.run("dev", "create", "small").code == 0
    with_cut(folder, '[[devdb.cut.root]]\ntable = "public.person"\nlimit = 1', whole=whole)
    done = folder.run("dev", "create", "cut")
    assert (done.code, "public.person.name, which is masked" in done.err) == (2, True), done.err


def test_conditions_over_kept_columns_are_fine(shop: Folder) -> None:
    with_cut(
        shop,
        '[[devdb.cut.root]]\ntable = "public.customer"\norder_by = "country DESC"\nlimit = 4\n'
        'where = "id IN (SELECT customer_id FROM orders WHERE amount > 300)"',
        existing=False,
    )
    created(shop)
    assert created_rows(shop) == 4


def test_a_database_without_a_manifest_may_hold_real_values_and_is_refused(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP)
    folder = make_folder(source, WHOLE, MASKS)
    folder.target.create(folder.database, template=source.name)
    with_cut(folder, ROOT + "limit = 3")
    for command in ("plan", "create"):
        done = folder.run("dev", command, "cut")
        assert done.code == 4, done.err
        assert "was not made by Penstock: it may hold real values" in done.err
        assert "penstock dev scrub" in done.err
    assert folder.names() == [folder.database]


def test_to_scrub_the_servers_own_database_is_not_recommended(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SHOP), WHOLE, MASKS)
    with_cut(folder, ROOT + "limit = 3")
    file = folder.path / "penstock.toml"
    file.write_text(
        file.read_text().replace(f'from_database = "{folder.database}"', 'from_database = "template1"')
    )
    done = folder.run("dev", "create", "cut")
    assert (done.code, "scrub" in done.err, "penstock dev list" in done.err) == (4, False, True), done.err


def test_what_masks_toml_wants_masked_by_now_is_not_left_as_it_was(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    shop.write(masks=MASKS.replace('name = "keep"', 'name = "text"', 1))
    done = shop.run("dev", "create", "cut")
    assert (done.code, "public.country.name is masked otherwise by now" in done.err) == (4, True), done.err
    assert shop.names() == [shop.database]


def test_a_database_of_another_key_is_refused(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    shop.write(key=KEY[::-1])
    done = shop.run("dev", "create", "cut")
    assert (done.code, "was made with another key" in done.err) == (4, True), done.err


def test_a_database_somebody_works_in_is_not_copied(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    with looking(shop.made, "at work"):
        done = shop.run("dev", "create", "cut")
    assert done.code == 4, done.err
    assert f"1 sessions are connected to {shop.database}" in done.err
    assert "NOT LIKE 'penstock %'" in done.err, "nobody is to end a colleague's run"
    assert shop.names() == [shop.database]


def test_a_database_that_another_run_reads_is_copied_when_that_is_done(
    shop: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cut(shop, ROOT + "limit = 3")
    with looking(shop.made, "penstock dev other") as reading:
        monkeypatch.setattr(alone, "SECONDS_TO_WAIT", 0.0)
        refused = shop.run("dev", "create", "cut")
        assert (refused.code, "run the command again when they are done" in refused.err) == (4, True), (
            refused.err
        )
        monkeypatch.undo()
        end = threading.Timer(3, reading.close)
        end.start()
        done = created(shop)
        end.join()
    assert f"another run of Penstock reads {shop.database}: it is waited for" in done.err


def test_a_database_nobody_can_connect_to_is_refused_with_the_way_out(shop: Folder) -> None:
    with_cut(shop, ROOT + "limit = 3")
    closed = f'ALTER DATABASE "{shop.database}" WITH ALLOW_CONNECTIONS'
    shop.target.maintenance.execute(f"{closed} false")
    try:
        done = shop.run("dev", "create", "cut")
    finally:
        shop.target.maintenance.execute(f"{closed} true")
    assert done.code == 4, done.err
    assert f"nobody can connect to {shop.database}" in done.err
    assert "--from-template" in done.err


def test_a_rule_that_reaches_a_protected_table_leaves_nothing(shop: Folder) -> None:
    with_cut(
        shop,
        'protect = ["public.orders"]\n[[devdb.cut.delete]]\ntable = "public.country"\nwhere = "code = \'AT\'"',
    )
    plan = shop.run("dev", "plan", "cut")
    assert (plan.code, "refused: 200 rows of public.orders would be deleted" in plan.out) == (4, True)
    done = shop.run("dev", "create", "cut")
    assert (done.code, "PEN-4700" in done.err) == (4, True), done.err
    assert "public.country → public.customer" in done.err
    assert shop.names() == [shop.database]


WRONG = {
    "neither roots nor rules": ("", "says neither what stays nor what goes"),
    "skip": ('skip = ["public.orders"]\n' + ROOT, "`skip` of [devdb.cut] means nothing"),
    "an unknown table": ('[[devdb.cut.delete]]\ntable = "public.custmer"\nwhere = "true"', "did you mean"),
    "no condition": ('[[devdb.cut.delete]]\ntable = "public.orders"\nwhere = "true) OR (true"', "no condition"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_settings_that_cannot_be_meant_are_told(wrong: str, shop: Folder) -> None:
    cut, said = WRONG[wrong]
    done = with_cut(shop, cut).run("dev", "create", "cut")
    assert done.code in (2, 3), done.err
    assert said in done.err
    assert shop.names() == [shop.database]


def test_settings_of_a_prune_belong_to_no_subset(shop: Folder) -> None:
    shop.write(devdb=WHOLE + '\nprotect = ["public.orders"]')
    done = shop.run("dev", "plan", "small")
    assert (done.code, 'is for strategy = "prune"' in done.err) == (2, True), done.err


def test_why_tells_how_a_row_comes_to_be_deleted(shop: Folder) -> None:
    with_cut(shop, '[[devdb.cut.delete]]\ntable = "public.customer"\nwhere = "id > 5"\n')
    created(shop)
    gone, there = (
        shop.source.value(f"SELECT min(id) FROM public.orders WHERE customer_id {which} 5")
        for which in (">", "<=")
    )
    done = shop.run("dev", "why", "cut", "public.orders", str(gone))
    assert done.code == 1
    assert f"public.orders {gone} is not in the subset: the delete rules take it" in done.out
    assert f"  public.orders {gone}: it references public.customer" in done.out
    assert ": a delete rule names it" in done.out
    done = shop.run("dev", "why", "cut", "public.orders", str(there))
    assert done.code == 0, done.out
    assert "is in the copy's rules: no delete rule reaches it" in done.out


def test_rows_can_be_added_to_a_pruned_copy(shop: Folder) -> None:
    with_cut(shop, 'protect = ["public.country"]\n' + ROOT + "limit = 2")
    created(shop)
    done = shop.run("dev", "add", "cut", "--root", "public.customer:id = 30")
    assert done.code == 0, done.err
    assert created_rows(shop) == 3

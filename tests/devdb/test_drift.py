"""`dev drift`: what production has become since, not what developers did; and what that asks of masks.toml."""

from __future__ import annotations

import re

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, PERSONAL, SHOP


def kinds(document: dict[str, object]) -> set[tuple[str, str]]:
    return {(c["kind"], c["subject"]) for c in document["changes"]}  # type: ignore[attr-defined]


def test_an_unchanged_production_has_not_drifted_whatever_developers_do(made: Folder) -> None:
    made.made.execute("ALTER TABLE orders ADD COLUMN mine int", "CREATE TABLE mine ()", "DROP TABLE orders")
    done = made.run("dev", "drift", "small", "--json")
    assert done.code == 0, done.err
    assert done.json["drifted"] is False
    assert done.json["changes"] == []


def test_what_production_became_is_told_by_kind(made: Folder) -> None:
    made.source.execute(
        "ALTER TABLE customer ADD COLUMN passport text",
        "ALTER TABLE customer ADD COLUMN visits int",
        "ALTER TABLE customer DROP COLUMN nick",
        "ALTER TABLE orders ALTER COLUMN amount TYPE numeric(12, 2)",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey",
        "ALTER TABLE orders ADD CONSTRAINT big CHECK (note <> 'Quartermaine')",
        "CREATE TABLE audit (id int PRIMARY KEY, what text)",
    )
    done = made.run("dev", "drift", "small", "--json")
    assert done.code == 1, done.err
    assert kinds(done.json) == {
        ("column added", "public.customer.passport"),
        ("column added", "public.customer.visits"),
        ("column removed", "public.customer.nick"),
        ("column changed", "public.orders.amount"),
        ("column changed", "public.orders.note"),
        ("constraint removed", "public.customer.customer_nick_key"),
        ("constraint removed", "public.orders.orders_customer_id_fkey"),
        ("constraint added", "public.orders.big"),
        ("table added", "public.audit"),
    }
    changed = next(c for c in done.json["changes"] if c["subject"] == "public.orders.amount")
    assert (changed["before"], changed["now"]) == ("numeric(10,2) not null", "numeric(12,2) not null")
    undecided = {u["column"]: u["hint"] for u in done.json["undecided"]}
    assert set(undecided) == {"public.customer.passport", "public.audit.what"}
    assert all(undecided.values())
    assert done.json["without_column"] == ["public.customer.nick"]
    text = made.run("dev", "drift", "small")
    assert text.code == 1
    assert "column added: public.customer.passport" in text.out
    assert not any(value in text.out + text.err + done.out for value in PERSONAL)
    listed = made.run("dev", "list", "--drift", "--json").json["databases"][0]
    assert listed["drift"] == len(done.json["changes"])
    assert made.run("dev", "list", "--json").json["databases"][0]["drift"] is None
    shown = made.run("dev", "list", "--drift").out.splitlines()
    assert shown[1][shown[0].index("DRIFT") :].split()[0] == str(listed["drift"])


MEANINGS = """
CREATE TYPE public.mood AS ENUM ('good', 'bad');
CREATE TYPE public.pair AS (a int, b public.mood);
CREATE DOMAIN public.short AS text CHECK (length(VALUE) < 9);
CREATE TABLE public.diary (id int PRIMARY KEY, mood public.mood, moods public.mood[], pair public.pair, short public.short, said text,
    day date DEFAULT '2020-01-01');
"""
MEANT = """
ALTER TYPE public.mood ADD VALUE 'so so';
ALTER TYPE public.pair ADD ATTRIBUTE c int;
ALTER DOMAIN public.short ADD CHECK (VALUE <> 'Quartermaine');
ALTER TABLE public.diary ALTER said TYPE text COLLATE "C", ALTER day SET DEFAULT now();
"""


def test_what_a_columns_values_mean_is_told_where_the_copy_recorded_it(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    masks = "".join(f'{column} = "keep"\n' for column in ("mood", "moods", "pair", "short", "said", "day"))
    folder = make_folder(make_database(SHOP + MEANINGS), DEVDB, f"{MASKS}[public.diary]\n{masks}")
    done = folder.run("dev", "create", "small", "--template")
    assert done.code == 0, done.err
    template = f"{folder.database}__template"

    def listed() -> dict[str, object]:
        return {
            d["database"]: d["drift"]
            for d in folder.run("dev", "list", "--drift", "--json").json["databases"]
        }

    assert folder.run("dev", "drift", "small").code == 0
    assert listed()[template] == 0
    folder.source.psql(MEANT)
    alone = folder.run("dev", "drift", "small", "--json")
    assert kinds(alone.json) == {("schema changed", template)}
    assert listed()[template] == 1
    assert folder.run("dev", "create", "--from-template", "small").code == 0
    told = folder.run("dev", "drift", "small", "--json")
    assert told.code == 1, told.err
    assert kinds(told.json) == {
        ("labels changed", "public.diary.mood"),
        ("labels changed", "public.diary.moods"),
        ("labels changed", "public.diary.pair"),
        ("fields changed", "public.diary.pair"),
        ("domain checks changed", "public.diary.short"),
        ("collation changed", "public.diary.said"),
        ("default changed", "public.diary.day"),
    }
    assert listed() == {folder.database: 7, template: 7}
    folder.made.execute(
        "UPDATE penstock.manifest SET document = jsonb_set(document, '{made_from,public.diary}', "
        "jsonb_build_object('columns', document #> '{made_from,public.diary,columns}', "
        "'constraints', document #> '{made_from,public.diary,constraints}'))"
    )
    assert folder.run("dev", "drift", "small").code == 0, "an older Penstock did not record it"


def test_a_refresh_ends_the_drift(made: Folder) -> None:
    made.source.execute("ALTER TABLE customer ADD COLUMN visits int")
    assert made.run("dev", "drift", "small").code == 1
    assert made.run("dev", "refresh", "small").code == 0
    assert made.run("dev", "drift", "small").code == 0


def test_a_masks_toml_behind_no_change_of_production_is_no_drift(made: Folder) -> None:
    made.write(masks=MASKS.replace('note = "text"', ""))
    done = made.run("dev", "drift", "small", "--json")
    assert done.code == 0
    assert [u["column"] for u in done.json["undecided"]] == ["public.orders.note"]


def test_rules_that_name_what_is_gone_are_told_and_no_error(made: Folder) -> None:
    made.source.execute("ALTER TABLE customer DROP CONSTRAINT customer_country_fkey", "DROP TABLE country")
    done = made.run("dev", "drift", "small", "--json")
    assert done.code == 1, done.err
    assert ("table removed", "public.country") in kinds(done.json)
    assert "public.country" in done.json["rules"]


def test_skipped_tables_and_partitions_may_come_and_go(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        SHOP + "CREATE TABLE cache (id int);"
        "CREATE TABLE visit (id int, at date) PARTITION BY RANGE (at);"
        "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');"
    )
    folder = make_folder(source, f'skip = ["public.cache"]\n{DEVDB}', MASKS + '[public.visit]\nat = "keep"\n')
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    source.execute(
        "ALTER TABLE cache ADD COLUMN x text",
        "CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')",
        "DROP TABLE visit_1",
    )
    drift = folder.run("dev", "drift", "small", "--json")
    assert drift.code == 0, drift.out


def test_the_drift_of_a_copy_is_that_of_its_template(templated: Folder) -> None:
    ann = f"{templated.database}_ann"
    assert templated.run("dev", "create", "--from-template", "small", "--database", ann).code == 0
    templated.source.execute("ALTER TABLE customer ADD COLUMN visits int")
    own = templated.run("dev", "drift", "small")
    assert (own.code, f"{templated.database}__template, made" in own.out) == (1, True), (
        "there is no such database"
    )
    assert templated.run("dev", "drift", "small", "--database", ann).code == 1


def test_adding_rows_does_not_make_a_copy_young(made: Folder) -> None:
    made.source.execute("ALTER TABLE customer ADD COLUMN visits int")
    made.source.execute("ALTER TABLE customer DROP COLUMN visits")
    assert made.run("dev", "add", "small", "--root", "public.customer:id = 30").code == 0
    assert made.run("dev", "drift", "small").code == 0
    assert not made.project.extras_dev("small")


@pytest.mark.parametrize("beside", [False, True])
def test_a_section_with_but_a_template_has_the_drift_of_that(templated: Folder, *, beside: bool) -> None:
    template = f"{templated.database}__template"
    if beside:
        copied = templated.run(
            "dev", "create", "--from-template", "small", "--database", f"{templated.database}_ann"
        )
        assert copied.code == 0, copied.err
    same = templated.run("dev", "drift", "small", "--json")
    assert (same.code, same.json["drifted"], same.json["database"]) == (0, False, template), same.err
    templated.source.execute("ALTER TABLE customer ADD COLUMN passport text")
    now = templated.run("dev", "drift", "small", "--json")
    assert now.code == 1
    told = ("column added", "public.customer.passport") if beside else ("schema changed", template)
    assert kinds(now.json) == {told}
    assert [u["column"] for u in now.json["undecided"]] == ["public.customer.passport"]
    assert now.json["made_anew_by"] == "penstock dev refresh small --template"
    masks = templated.path / "masks.toml"
    masks.write_text(f"{masks.read_text()}\n[public.customer.passport]\nmask = 'null'\n")
    again = templated.run("dev", "refresh", "small", "--template")
    assert again.code == 0, again.err
    assert templated.run("dev", "drift", "small").code == 0, "also where the copy is of the template before"
    assert templated.run("dev", "drop", "small", "--template", "--yes").code == 0
    assert templated.run("dev", "drift", "small").code == 4


def test_what_a_section_skips_is_no_drift_of_its_template(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + "CREATE TABLE cache (id int);")
    folder = make_folder(source, f'skip = ["public.cache*"]\n{DEVDB}', MASKS)
    assert folder.run("dev", "create", "small", "--template").code == 0
    source.execute("ALTER TABLE cache ADD COLUMN n int", "CREATE TABLE cache_more (n int)")
    assert folder.run("dev", "drift", "small").code == 0
    source.execute("DROP TABLE orders CASCADE")
    assert folder.run("dev", "drift", "small").code == 1


def test_of_an_older_penstocks_template_it_is_said_how_to_learn_its_drift(templated: Folder) -> None:
    template = f"{templated.database}__template"
    said = templated.target.maintenance.value(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", template
    )
    older = re.sub(r'"made_from": "\w+", ', "", said)
    assert older != said
    templated.target.maintenance.execute(f"COMMENT ON DATABASE {template} IS '{older}'")
    unknown = templated.run("dev", "drift", "small")
    assert unknown.code == 4
    (typed,) = re.findall(r"hint: (.*)", unknown.err)
    assert [templated.run(*command.split()[1:]).code for command in typed.split("; ")] == [0, 0]

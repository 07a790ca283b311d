"""What a source itself is to blame for: the error says what it is, and what can be done about it."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder

STRATEGIES = {
    "clone": 'strategy = "clone"\n',
    "subset": '[[devdb.small.root]]\ntable = "public.visit"\n',
}
TABLE = """
CREATE TABLE public.rates (rate int); INSERT INTO public.rates VALUES (7);
CREATE TABLE public.visit (id int PRIMARY KEY, r int);
INSERT INTO public.visit VALUES (1, 7);
"""
MASKS = '[public.rates]\nrate = "keep"\n[public.visit]\nr = "keep"\n'
OF_PLPGSQL = (
    "LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN EXISTS (SELECT FROM rates WHERE rate = $1); END $$;"
)
OF_SQL = "LANGUAGE sql IMMUTABLE AS $$ SELECT EXISTS (SELECT FROM rates WHERE rate = $1) $$;"
CHECKED = "ALTER TABLE public.visit ADD CONSTRAINT ok CHECK (public.ok(r))"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("body", [OF_PLPGSQL, OF_SQL], ids=["plpgsql", "sql"])
@pytest.mark.parametrize(
    "use",
    [CHECKED, f"{CHECKED} NOT VALID; CREATE INDEX ON public.visit (public.ok(r))", "CREATE INDEX ON public.visit (public.ok(r))"],
    ids=["CHECK", "CHECK NOT VALID and index", "index"],
)  # fmt: skip
def test_a_function_that_needs_a_search_path_is_named_with_the_ways_out(
    strategy: str, body: str, use: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(f"{TABLE} CREATE FUNCTION public.ok(integer) RETURNS bool {body} {use}")
    folder = make_folder(source, STRATEGIES[strategy], MASKS)
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert 'relation "rates" does not exist' in failed.err
    assert "ok" in failed.err.partition("in the function ")[2][:12], failed.err
    assert "empty search_path" in failed.err
    assert "penstock.toml" not in failed.err


def test_a_function_that_reads_what_comes_later_is_not_said_to_need_a_search_path(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    reads = OF_SQL.replace("FROM rates", "FROM public.rates")
    source = make_database(
        f"{TABLE} CREATE FUNCTION public.ok(integer) RETURNS bool {reads}"
        "CREATE TABLE public.before (r int, g bool GENERATED ALWAYS AS (public.ok(r)) STORED)"
    )
    folder = make_folder(source, STRATEGIES["clone"], MASKS + '[public.before]\nr = "keep"\n')
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert "in the function" in failed.err
    assert "not in the copy, or not yet" in failed.err
    assert "qualify" not in failed.err
    folder.write(devdb=STRATEGIES["clone"] + 'skip = ["public.before"]\n')
    assert folder.run("dev", "create", "small").code == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_foreign_key_the_source_breaks_is_named_with_the_ways_out_and_they_work(
    strategy: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        TABLE + "CREATE TABLE public.page (id int PRIMARY KEY, visit int CONSTRAINT of_visit REFERENCES public.visit);"
        "ALTER TABLE public.page DISABLE TRIGGER ALL; INSERT INTO public.page VALUES (1, 1), (2, 77);"
        "ALTER TABLE public.page ENABLE TRIGGER ALL"
    )  # fmt: skip
    masks = MASKS + '[public.page]\nvisit = "keep"\n'
    devdb = STRATEGIES[strategy].replace("public.visit", "public.page")
    folder = make_folder(source, devdb, masks)
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert "page" in failed.err
    assert "of_visit" in failed.err
    assert all(way in failed.err for way in ("NOT VALID", "`cut = true`", "`empty`")), failed.err
    assert "77" not in failed.err
    folder.write(
        masks=masks,
        devdb=devdb
        + '[[devdb.small.edge]]\nfrom = "public.page.visit"\nto = "public.visit.id"\ncut = true\n',
    )
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err


def test_a_table_that_was_added_to_an_extension_is_told_and_no_finding(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        TABLE + "CREATE EXTENSION hstore; CREATE TABLE public.ofext (id serial PRIMARY KEY, t text DEFAULT 'x');"
        "ALTER EXTENSION hstore ADD TABLE public.ofext"
    )  # fmt: skip
    folder = make_folder(source, STRATEGIES["clone"], MASKS)
    planned = folder.run("dev", "plan", "small", "--json").json
    assert [told for told in planned["left_out"] if told.startswith("rows of public.ofext: ")]
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.run("dev", "verify", "small").code == 0


def test_a_comment_on_an_extension_is_told_where_it_is_somebodys_own(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        TABLE
        + "CREATE EXTENSION hstore; CREATE EXTENSION citext; COMMENT ON EXTENSION hstore IS 'for the visits'"
    )
    folder = make_folder(source, STRATEGIES["clone"], MASKS)
    planned = folder.run("dev", "plan", "small", "--json").json
    told = [text for text in planned["left_out"] if "comment on the extension" in text]
    assert told == ["comment on the extension hstore: the copy has the one that comes with the extension"]

"""A copy that already holds the real values is masked in place: what changes, what stays, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.devdb.scrub import aside, crew, tables
from tests.cli.json_page import EXAMPLES, differences
from tests.conftest import MakeDatabase
from tests.devdb.clones import Clone, make_clone
from tests.devdb.conftest import MakeFolder, MakeRole
from tests.devdb.small_shop import MASKS, PERSONAL, SHOP, assert_says_no_more_than_it_may, rows
from tests.devdb.test_samples import PAGILA_MASKS
from tests.devdb.town import TOWN, TOWN_MASKS, inside, outside
from tests.servers import Database


@pytest.fixture
def clone(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    return make_clone(tmp_path / "project", make_database(TOWN), make_database(TOWN), TOWN_MASKS)


def test_every_masked_value_is_another_and_the_rest_is_as_it_was(clone: Clone) -> None:
    around, before = outside(clone.made), inside(clone.made)
    done = clone.scrub()
    assert done.code == 0, done.err
    assert_says_no_more_than_it_may(done, clone)
    after = inside(clone.made)
    said = repr(after).lower()
    assert not any(value.lower() in said for value in PERSONAL)
    assert outside(clone.made) == around
    for table in ("person", "number", "visit", "paper", "letter", "lost"):
        assert len(after[table]) == len(before[table])
        assert (after[table] == before[table]) is False
    assert after["place"] == before["place"]
    assert after["next"] == before["next"]
    assert clone.made.value("SELECT count(*) FROM person WHERE shout <> upper(name)") == 0
    assert (
        clone.made.value(
            "SELECT count(*) FROM person WHERE words IS NULL OR words::text LIKE '%uartermaine%'"
        )
        == 0
    )


def test_keys_that_are_masked_still_lead_to_the_same_rows(clone: Clone) -> None:
    pairs = "SELECT count(*), count(p.mail), min(p.n), max(p.n) FROM number JOIN (SELECT mail, count(*) AS n FROM number GROUP BY 1) p USING (mail)"
    trees = """
        WITH RECURSIVE up AS (SELECT mail, boss, 1 AS depth FROM person WHERE boss IS NULL
            UNION ALL SELECT p.mail, p.boss, up.depth + 1 FROM person p JOIN up ON up.mail = p.boss)
        SELECT depth, count(*) FROM up GROUP BY 1 ORDER BY 1"""
    lost = "SELECT count(*) FROM lost WHERE NOT EXISTS (SELECT FROM person WHERE person.mail = lost.mail)"
    before = [clone.made.rows(query) for query in (pairs, trees, lost)]
    assert clone.scrub().code == 0
    assert [clone.made.rows(query) for query in (pairs, trees, lost)] == before


def test_nothing_of_the_scrub_remains_but_its_manifest(clone: Clone) -> None:
    done = clone.scrub("--json")
    assert done.code == 0, done.err
    assert clone.made.rows("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'penstock%'") == [
        ("penstock",)
    ]
    assert clone.made.rows(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'penstock'::regnamespace AND relkind = 'r'"
    ) == [("manifest",)]
    operation, document = clone.made.rows("SELECT operation, document::text FROM penstock.manifest")[0]
    assert operation == "scrub"
    assert Path(done.json["manifest"]).read_text().count('"passed": true')
    assert not any(value in document for value in PERSONAL)
    assert done.json["rewritten"]["public.person"] == 60
    assert list(differences(done.json, EXAMPLES["penstock dev scrub"])) == []
    again = clone.scrub()
    assert again.code == 4
    assert "is masked already: scrub" in again.err


def test_the_same_person_has_the_same_pseudonym_as_in_a_copy(
    tmp_path: Path, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(TOWN)
    clone = make_clone(tmp_path / "clone", source, make_database(TOWN), TOWN_MASKS)
    folder = make_folder(source, '[[devdb.small.root]]\ntable = "public.person"\n', TOWN_MASKS)
    assert folder.run("dev", "create", "small").code == 0
    assert clone.scrub().code == 0
    assert rows(clone.made)["person"] == rows(folder.made)["person"]
    assert rows(clone.made)["visit"] == rows(folder.made)["visit"]


AS_SMALL = """
[devdb.small]
empty = ["public.lost"]
skip = ["public.letter"]
acknowledged = ["public.place.label"]
[[devdb.small.real]]
table = "public.person"
where = "mail = 'zebquart7@town.test'"
[[devdb.small.edge]]
from = "public.lost.mail"
to = "public.person.mail"
"""


@pytest.mark.parametrize("superuser", [True, False])
def test_the_rules_of_a_section_hold_where_they_are_asked_for(
    tmp_path: Path, make_database: MakeDatabase, make_role: MakeRole, *, superuser: bool
) -> None:
    clone = make_clone(tmp_path / "project", make_database(TOWN), make_database(TOWN), TOWN_MASKS, AS_SMALL)
    clone.made.execute("UPDATE place SET label = 'zebquart9@town.test' WHERE id = 3")
    if not superuser:
        user, password = make_role()
        clone.made.psql(f'ALTER DATABASE "{clone.database}" OWNER TO {user}')
        for kind, name in clone.made.rows(
            "SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, oid::regclass::text "
            "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
        ):
            clone.made.psql(f"ALTER {kind} public.{name} OWNER TO {user}")
        clone.log_in_as("clone", user, password)
    before = rows(clone.made)
    done = clone.scrub("--for", "small", "--json")
    assert done.code == 0, done.err
    after = rows(clone.made)
    assert after["place"] == before["place"], "no rule ON INSERT fired"
    assert after["lost"] == after["letter"] == []
    assert done.json["emptied"] == ["public.letter", "public.lost"]
    names = [text for text in after["person"] if "Quartermaine" in text]
    assert len(names) == 1
    assert names[0].startswith("(zebquart7@town.test")
    assert done.json["verification"]["leaks"]["acknowledged"]
    assert clone.made.value("SELECT document->>'name' FROM penstock.manifest") == "small"
    kept = "coalesce(most_common_vals::text, histogram_bounds::text)"
    told = clone.made.rows(
        f"SELECT {kept} FROM pg_stats WHERE tablename IN ('lost', 'letter') AND {kept} IS NOT NULL"
    )
    assert told == []


def test_several_workers_make_the_same_as_one(
    clone: Clone, tmp_path: Path, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_clone(tmp_path / "other", clone.source, make_database(TOWN), TOWN_MASKS)
    assert clone.scrub().code == 0
    monkeypatch.setattr(tables, "PORTION_BYTES", 8192)
    around = outside(other.made)
    done = other.scrub("--jobs", "3")
    assert done.code == 0, done.err
    assert_says_no_more_than_it_may(done, other)
    assert inside(other.made) == inside(clone.made)
    assert outside(other.made) == around


def test_a_worker_needs_two_connections(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "free_connections", lambda _: 5)
    done = clone.scrub("--jobs", "3")
    assert done.code == 0, done.err
    assert "2 of 3 workers: the server lets no more connect" in done.err


ADDED = "SELECT attmissingval::text FROM pg_attribute WHERE atthasmissing"


def test_the_value_a_masked_column_was_added_with_is_forgotten(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    clone = make_clone(
        tmp_path / "project",
        make_database(TOWN),
        make_database(TOWN),
        TOWN_MASKS + '[public.lost]\nnick = "text"\n',
        '[devdb.small]\nempty = ["public.letter"]\n',
    )
    for table in ("lost", "letter"):
        clone.made.execute(f"ALTER TABLE {table} ADD nick text NOT NULL DEFAULT 'Zebulon Quincy'")
        clone.made.execute(f"ALTER TABLE {table} ALTER nick DROP DEFAULT")
    assert clone.made.rows(ADDED).count(('{"Zebulon Quincy"}',)) == 2
    done = clone.scrub("--for", "small", "--vacuum", "none")
    assert done.code == 0, done.err
    assert clone.made.rows(ADDED) == []
    assert clone.made.value("SELECT count(*) FROM lost WHERE nick <> 'Zebulon Quincy'") == 10


def test_a_value_that_a_column_was_added_with_is_a_finding(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.made.execute("ALTER TABLE lost ADD ring int NOT NULL DEFAULT 7")
    monkeypatch.setattr(aside, "forget_added", lambda *_: None)
    done = clone.scrub()
    assert (done.code, "the catalog still holds the value" in done.err) == (1, True), done.err


COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"


def test_a_comment_that_quotes_a_value_is_refused_or_changed_while_it_is_closed(clone: Clone) -> None:
    name = f'DATABASE "{clone.database}"'
    clone.made.psql(f"COMMENT ON {name} IS 'of Zebulon Quartermaine 7'")
    done = clone.scrub()
    assert (done.code, "COMMENT ON DATABASE" in done.err) == (4, True), done.err
    assert "Quartermaine" not in done.err
    assert clone.made.value(COMMENT) == "of Zebulon Quartermaine 7"
    clone.made.psql(f"COMMENT ON {name} IS NULL")
    clone.made.execute("UPDATE place SET label = 'zebquart7@town.test' WHERE id = 3")
    assert clone.scrub().code == 1
    clone.made.execute("UPDATE place SET label = 'corner 3' WHERE id = 3")
    clone.made.psql(f"COMMENT ON {name} IS 'of Zebulon Quartermaine 7'")
    done = clone.scrub()
    assert (done.code, "COMMENT ON DATABASE" in done.err) == (1, True), done.err
    assert "Quartermaine" not in done.err
    clone.made.psql(f"COMMENT ON {name} IS 'of a customer'")
    done = clone.scrub()
    assert done.code == 0, done.err
    assert clone.made.value(COMMENT) == "of a customer"


def test_a_comment_that_quotes_a_value_can_be_acknowledged(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    accepted = '[devdb.small]\nacknowledged = ["comment on the database"]\n'
    clone = make_clone(tmp_path / "project", make_database(TOWN), make_database(TOWN), TOWN_MASKS, accepted)
    clone.made.psql(f"COMMENT ON DATABASE \"{clone.database}\" IS 'of Zebulon Quartermaine 7'")
    done = clone.scrub("--for", "small")
    assert done.code == 0, done.err
    assert clone.made.value(COMMENT) == "of Zebulon Quartermaine 7"


SWITCHED = """
SELECT k.conname::text, k.conrelid::regclass::text, t.tgrelid::regclass::text, p.proname::text, t.tgenabled::text
  FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE k.contype = 'f' AND t.tgenabled <> 'O' ORDER BY 1, 2, 3, 4
"""


def test_triggers_of_foreign_keys_stay_switched_as_they_were(clone: Clone) -> None:
    clone.made.execute("ALTER TABLE visit_1 DISABLE TRIGGER ALL")
    clone.made.execute("ALTER TABLE lost DISABLE TRIGGER ALL")
    for number, state in ((1, "ENABLE ALWAYS"), (2, "ENABLE REPLICA")):
        (name,) = clone.made.rows(
            "SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'person'::regclass AND tgisinternal "
            f"ORDER BY tgfoid, tgname LIMIT 1 OFFSET {number}"
        )[0]
        clone.made.execute(f'ALTER TABLE person {state} TRIGGER "{name}"')
    switched, around = clone.made.rows(SWITCHED), outside(clone.made)
    assert {state for *_, state in switched} == {"A", "D", "R"}
    done = clone.scrub()
    assert done.code == 0, done.err
    assert clone.made.rows(SWITCHED) == switched
    assert outside(clone.made) == around


@pytest.mark.parametrize(
    ("vacuum", "new_files", "vacuumed"),
    [("none", False, False), ("analyze", False, True), ("full", True, False)],
)
def test_what_is_vacuumed_afterwards_is_a_choice(
    clone: Clone, vacuum: str, *, new_files: bool, vacuumed: bool
) -> None:
    file = "SELECT pg_relation_filenode('place')::int8"
    before = clone.made.value(file)
    done = clone.scrub("--vacuum", vacuum, "--json")
    assert done.code == 0, done.err
    assert (clone.made.value(file) != before) is new_files
    assert (clone.made.value("SELECT relallvisible FROM pg_class WHERE relname = 'place'") > 0) is vacuumed
    assert (clone.made.value("SELECT reltuples FROM pg_class WHERE relname = 'person'")) == 60
    said = "dead rows and dropped columns of tables that no mask rewrote"
    assert (said in done.json["out_of_reach"]) is not new_files


def test_a_note_knows_its_customer_although_that_table_is_masked_first(
    tmp_path: Path, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    """Free text is masked with the names at the end of its foreign key: the originals' names, not the masked ones."""
    source = make_database(SHOP)
    masks = MASKS.replace('name = "text"\nnick', 'name = "person_name"\nnick').replace(
        'note = "text"', 'note = "free_text"'
    )
    clone = make_clone(tmp_path / "clone", source, make_database(SHOP), masks)
    folder = make_folder(
        source, 'keep = ["public.country"]\n[[devdb.small.root]]\ntable = "public.customer"\n', masks
    )
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    done = clone.scrub()
    assert done.code == 0, done.err
    assert rows(clone.made) == rows(folder.made)


def test_pagila_is_scrubbed_with_what_discovery_proposes(
    pagila: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    clone = make_clone(tmp_path / "project", pagila, make_database(template="pagila"), PAGILA_MASKS)
    clone.project.discover()
    before = rows(clone.made)
    done = clone.scrub()
    assert done.code == 0, done.err
    after = rows(clone.made)
    assert {name: len(found) for name, found in after.items()} == {
        name: len(found) for name, found in before.items()
    }
    changed = {name for name in before if before[name] != after[name]}
    assert {"customer", "staff", "address", "film"} <= changed
    assert not changed & {"rental", "inventory", "language", "category", "film_actor"}
    originals = {mail for (mail,) in pagila.rows("SELECT email FROM customer")}
    assert not originals & {mail for (mail,) in clone.made.rows("SELECT email FROM customer")}
    titles = {
        title.lower() for (title,) in pagila.rows("SELECT unnest(string_to_array(title, ' ')) FROM film")
    }
    words = {
        word for (word,) in clone.made.rows("SELECT DISTINCT unnest(tsvector_to_array(fulltext)) FROM film")
    }
    descriptions = {
        w
        for (w,) in clone.made.rows(
            "SELECT DISTINCT unnest(tsvector_to_array(to_tsvector('english', description))) FROM film"
        )
    }
    assert not (titles & words) - descriptions

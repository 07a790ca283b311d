"""What would fail in the end is said before the first write; what is found all the same can be mended and finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.clones import Clone, make_clone
from tests.devdb.small_shop import checksum, databases
from tests.devdb.test_interrupted_scrub import kill_after, may_connect
from tests.devdb.town import TOWN, TOWN_MASKS, inside

VIP = "zebquart7@town.test"


@pytest.fixture
def clone(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    return make_clone(tmp_path / "project", make_database(TOWN), make_database(TOWN), TOWN_MASKS)


def assert_untouched(clone: Clone, *options: str) -> dict[str, object]:
    """The error, of a scrub that wrote nothing and closed nothing."""
    before = checksum(clone.made), databases(clone.target)
    done = clone.scrub("--json", *options)
    assert done.code == 4, done.err
    assert not any(value in done.out + done.err for value in (VIP, "Quartermaine", "Traceback"))
    assert may_connect(clone)
    assert (checksum(clone.made), databases(clone.target)) == before
    assert not clone.made.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'penstock%'")
    error: dict[str, object] = done.json["error"]
    return error


@pytest.mark.parametrize(
    ("place", "statement", "again"),
    [
        ("index public.place_vip", f"CREATE INDEX place_vip ON place (id) WHERE label <> '{VIP}'", "DROP INDEX place_vip"),
        ("constraint vip public.lost", f"ALTER TABLE lost ADD CONSTRAINT vip CHECK (mail <> '{VIP}') NOT VALID",
         "ALTER TABLE lost DROP CONSTRAINT vip"),
        ("default public.person.boss", f"ALTER TABLE person ALTER boss SET DEFAULT '{VIP}'",
         "ALTER TABLE person ALTER boss DROP DEFAULT"),
        ("definition of the view public.vips", f"CREATE VIEW vips AS SELECT * FROM person WHERE mail = '{VIP}'",
         "DROP VIEW vips"),
        ("function public.vip", f"CREATE FUNCTION vip() RETURNS text LANGUAGE sql AS $$ SELECT '{VIP}' $$",
         "DROP FUNCTION vip"),
        ("comment public.place.label", f"COMMENT ON COLUMN place.label IS 'as {VIP} says'",
         "COMMENT ON COLUMN place.label IS NULL"),
        ("policy \"of vip\" public.place", f"CREATE POLICY \"of vip\" ON place USING (label = '{VIP}')",
         'DROP POLICY "of vip" ON place'),
    ],
)  # fmt: skip
def test_a_text_of_the_schema_that_quotes_a_masked_value_is_named_before_anything_is_closed(
    clone: Clone, place: str, statement: str, again: str
) -> None:
    clone.made.execute(statement)
    error = assert_untouched(clone)
    assert any(text.startswith(f"{place} quotes ") for text in error["problems"]), error  # type: ignore[attr-defined]
    assert place in str(error["why"])
    clone.made.execute(again)
    done = clone.scrub()
    assert done.code == 0, done.err


def test_a_text_may_be_accepted(tmp_path: Path, make_database: MakeDatabase) -> None:
    accepted = '[devdb.small]\nacknowledged = ["function public.v*"]\n'
    clone = make_clone(tmp_path / "project", make_database(TOWN), make_database(TOWN), TOWN_MASKS, accepted)
    clone.made.execute(f"CREATE FUNCTION vip() RETURNS text LANGUAGE sql AS $$ SELECT '{VIP}' $$")
    assert_untouched(clone)
    done = clone.scrub("--for", "small")
    assert done.code == 0, done.err


def test_a_word_of_the_application_in_a_view_is_none_of_the_masked_values(clone: Clone) -> None:
    """A customer who is called 'corner 2' does not make the label of a place one of his."""
    clone.made.execute(
        "INSERT INTO place SELECT n, 'corner ' || 1 + n % 5 FROM generate_series(100, 400) n",
        "UPDATE lost SET mail = NULL WHERE id = 4",
        "UPDATE paper SET body = 'corner 2' WHERE title = 'paper 4'",
        "CREATE VIEW second AS SELECT id FROM place WHERE label = 'corner 2'",
    )
    done = clone.scrub()
    assert done.code == 0, done.err


def test_a_text_that_quotes_by_the_rules_of_a_new_start_may_be_changed_when_it_is_found(clone: Clone) -> None:
    clone.write(masks=TOWN_MASKS.replace('body = "text"', 'body = "keep"'))
    clone.made.execute(
        "UPDATE ONLY paper SET body = 'a letter of the 12th'",
        "COMMENT ON TABLE place IS 'see a letter of the 12th'",
    )
    kill_after(clone, 12)
    clone.write(masks=TOWN_MASKS)
    done = clone.scrub("--start-over")
    assert (done.code, "occur in comment public.place" in done.err) == (1, True), done.err
    clone.made.execute("COMMENT ON TABLE place IS NULL")
    done = clone.scrub()
    assert done.code == 0, done.err


def test_an_object_that_a_finding_named_may_be_dropped_and_the_scrub_finished(clone: Clone) -> None:
    """Its text quotes a value only since the database was closed: the check before the first write could not see it."""
    clone.made.execute(
        "CREATE FUNCTION vip(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT length($1) > 3 $$",
        "CREATE INDEX place_vip ON place (id) WHERE vip(label)",
    )
    kill_after(clone, 12)
    clone.made.execute(
        f"CREATE OR REPLACE FUNCTION vip(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> '{VIP}' $$"
    )
    done = clone.scrub("--json")
    assert (done.code, may_connect(clone)) == (1, False), done.err
    assert any("function public.vip" in text for text in done.json["error"]["problems"])
    clone.made.execute("DROP FUNCTION vip CASCADE")
    done = clone.scrub("--json")
    assert done.code == 0, done.err
    assert "indexes were changed while the database was closed" in str(done.json["verification"])
    assert may_connect(clone)


@pytest.mark.parametrize("drop", ["ALTER TABLE place DROP COLUMN label CASCADE", "DROP TABLE place CASCADE"])
def test_what_a_finding_named_may_be_dropped_where_none_of_it_is_masked(clone: Clone, drop: str) -> None:
    clone.made.execute(f"UPDATE place SET label = '{VIP}' WHERE id = 3")
    done = clone.scrub()
    assert (done.code, "public.place.label" in done.err) == (1, True), done.err
    clone.made.execute(drop)
    done = clone.scrub()
    assert done.code == 0, done.err
    assert may_connect(clone)


def test_a_masked_column_that_is_dropped_takes_its_rules_only_when_it_starts_over(clone: Clone) -> None:
    clone.made.execute(f"UPDATE place SET label = '{VIP}' WHERE id = 3")
    assert clone.scrub().code == 1
    clone.made.execute("ALTER TABLE visit DROP COLUMN seen")
    done = clone.scrub()
    assert (done.code, "public.visit.seen of" in done.err, "is there no more" in done.err) == (4, True, True)
    assert "--start-over; or restore the snapshot again" in done.err
    clone.made.execute("ALTER TABLE place DROP COLUMN label CASCADE")
    done = clone.scrub("--start-over")
    assert done.code == 0, done.err


def test_an_object_that_was_dropped_before_may_stay_dropped_when_it_starts_over(clone: Clone) -> None:
    clone.made.execute(f"UPDATE place SET label = '{VIP}' WHERE id = 3")
    assert clone.scrub().code == 1
    clone.made.execute(
        "ALTER TABLE visit DROP CONSTRAINT visit_number", "DROP TRIGGER person_words ON person"
    )
    clone.write(masks=TOWN_MASKS.replace('label = "keep"', 'label = "email"'))
    done = clone.scrub("--start-over")
    assert done.code == 4, done.err  # the column of words has no trigger any more: a mask is to be said
    clone.write(
        masks=TOWN_MASKS.replace('label = "keep"', 'label = "email"').replace(
            'name = "text"', 'name = "text"\nwords = "null"'
        )
    )
    done = clone.scrub("--start-over")
    assert done.code == 0, done.err
    assert VIP not in repr(inside(clone.made))
    assert not clone.made.value("SELECT count(*) FROM pg_constraint WHERE conname = 'visit_number'")


def test_what_was_changed_while_nobody_had_looked_is_refused_and_put_back(clone: Clone) -> None:
    clone.made.execute("CREATE INDEX place_label ON place (label)")
    kill_after(clone, 12)
    clone.made.execute("DROP INDEX place_label")
    done = clone.scrub()
    assert (done.code, "structure indexes: not as they were" in done.err) == (1, True), done.err
    assert "changes it back" in done.err
    clone.made.execute("CREATE INDEX place_label ON place (label)")
    done = clone.scrub()
    assert done.code == 0, done.err


def test_a_key_whose_rows_are_broken_already_is_named_with_what_to_type(clone: Clone) -> None:
    clone.made.execute(
        "ALTER TABLE number DISABLE TRIGGER ALL",
        "INSERT INTO number (mail) VALUES ('nobody1@town.test'), ('nobody2@town.test')",
        "ALTER TABLE number ENABLE TRIGGER ALL",
        "ALTER TABLE visit DISABLE TRIGGER ALL",
        "INSERT INTO visit VALUES (9999, 'Quartermaine', '2024-01-01')",
        "ALTER TABLE visit ENABLE TRIGGER ALL",
    )
    error = assert_untouched(clone)
    assert sorted(error["problems"]) == [  # type: ignore[call-overload]
        "1 rows of public.visit refer to nothing by visit_number",
        "2 rows of public.number refer to nothing by number_mail_fkey",
    ]
    hint = str(error["hint"])
    delete, _, alter = hint.partition("; or keep them")
    clone.made.execute(alter[alter.index("ALTER TABLE") :])
    hint = str(assert_untouched(clone)["hint"])
    clone.made.execute(hint[hint.index("DELETE FROM") :].partition(";")[0])
    assert "DELETE FROM" in delete
    done = clone.scrub()
    assert done.code == 0, done.err
    assert clone.made.value("SELECT count(*) FROM number") == 202
    assert clone.made.value("SELECT count(*) FROM visit") == 300


def test_all_places_of_a_finding_are_in_the_json(clone: Clone) -> None:
    for n in range(12):
        clone.made.execute(f"CREATE FUNCTION vip_{n}() RETURNS text LANGUAGE sql AS $$ SELECT '{VIP}' $$")
    error = assert_untouched(clone)
    assert len(error["problems"]) == 12  # type: ignore[arg-type]
    assert "and 4 more, which --json lists" in str(error["why"])

"""Values of masked columns that the schema itself quotes: said in the plan, refused or warned of, and acknowledged."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder

PARTITIONED = """
CREATE TABLE visit (id int, who text, PRIMARY KEY (id, who)) PARTITION BY LIST (who);
CREATE TABLE visit_one PARTITION OF visit FOR VALUES IN ('quartermaine', 'nobody else');
CREATE TABLE visit_two PARTITION OF visit FOR VALUES IN ('zebulon');
CREATE TABLE visit_three PARTITION OF visit FOR VALUES IN ('someone', 'in nobody''s rows');
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
INSERT INTO visit VALUES (1, 'quartermaine'), (2, 'zebulon'), (3, 'whoever'), (4, 'zebulon');
CREATE TABLE held (at text PRIMARY KEY, kept text) PARTITION BY RANGE (at);
CREATE TABLE held_low PARTITION OF held FOR VALUES FROM (MINVALUE) TO ('mmmmm');
CREATE TABLE held_high PARTITION OF held FOR VALUES FROM ('mmmmm') TO (MAXVALUE);
INSERT INTO held VALUES ('aaaaa', 'x'), ('zzzzz', 'x');
ANALYZE;
"""
ROOTS = '[[devdb.small.root]]\ntable = "public.visit"\n[[devdb.small.root]]\ntable = "public.held"\n'
MASKED = '[public.visit]\nwho = "text"\n[public.held]\nat = "text"\nkept = "keep"\n'


@pytest.fixture
def partitioned(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(PARTITIONED), ROOTS, MASKED)


def test_bounds_that_quote_a_masked_column_are_refused_in_the_plan(partitioned: Folder) -> None:
    planned = partitioned.run("dev", "plan", "small", "--json")
    assert planned.code == 4
    (refusal,) = planned.json["refusals"]
    assert refusal["code"] == "PEN-4300"
    assert (
        refusal["what"] == "the partition bound public.visit_one quotes a value of public.visit.who, "
        "which is masked (and 1 more)"
    )
    assert (
        'acknowledged = ["partition bound public.visit_one", "partition bound public.visit_two"]'
        in (refusal["hint"])
    )
    created = partitioned.run("dev", "create", "small")
    assert created.code == 4
    assert partitioned.names() == []
    for done in (planned, created):
        assert "quartermaine" not in done.out + done.err


def test_a_bound_that_quotes_what_stays_real_is_fine(partitioned: Folder) -> None:
    staff = """[[devdb.small.real]]\ntable = "public.visit"\nwhere = "who = 'zebulon'"\n"""
    partitioned.write(devdb=ROOTS + staff)
    (refusal,) = partitioned.run("dev", "plan", "small", "--json").json["refusals"]
    assert "visit_one" in refusal["what"]
    assert "more)" not in refusal["what"]


@pytest.mark.parametrize(
    "acknowledged", ['"partition bound public.visit_one", "partition bound public.visit_two"', '"partition bound public.*"']
)  # fmt: skip
def test_acknowledged_bounds_are_copied_and_listed(partitioned: Folder, acknowledged: str) -> None:
    partitioned.write(devdb=f"acknowledged = [{acknowledged}]\n{ROOTS}")
    done = partitioned.run("dev", "create", "small", "--json")
    assert done.code == 0, done.err
    found = done.json["verification"]["leaks"]["acknowledged"]
    assert {f["place"] for f in found} == {
        "partition bound public.visit_one",
        "partition bound public.visit_two",
    }
    assert partitioned.run("dev", "verify", "small").code == 0


def test_a_text_that_is_not_acknowledged_stays_a_leak_and_one_that_is_not_there_is_a_slip(
    partitioned: Folder,
) -> None:
    partitioned.write(devdb=f'acknowledged = ["partition bound public.visit_one"]\n{ROOTS}')
    planned = partitioned.run("dev", "plan", "small")
    assert planned.code == 4
    assert "the partition bound public.visit_two quotes a value" in planned.out
    for wrong in ("partition bound public.visit_tow", "comment *.visit", "partitions *"):
        partitioned.write(devdb=f'acknowledged = ["{wrong}"]\n{ROOTS}')
        slip = partitioned.run("dev", "plan", "small")
        assert slip.code == 2, slip.out
        assert "neither a column nor a text" in slip.err
    partitioned.write(devdb=ROOTS, masks=MASKED.replace('who = "text"', 'who = "keep"'))
    assert partitioned.run("dev", "plan", "small").code == 0


DESCRIBED = """
CREATE TABLE person (id int PRIMARY KEY, nick text DEFAULT 'anonymous', login text, kind text DEFAULT 'ordinary', free text);
INSERT INTO person VALUES (1, 'anonymous', 'sysadmin', 'ordinary', 'Zebulon Quartermaine'), (2, 'zebquart', 'zebulon', 'ordinary', 'other');
COMMENT ON COLUMN person.login IS 'who may log in, e.g. the SysAdmin.';
COMMENT ON TABLE person IS 'Made by Zebulon Quartermaine';
COMMENT ON COLUMN person.free IS 'what people write';
ANALYZE;
"""
PLACES = ("default public.person.nick", "comment public.person.login", "comment public.person")


def test_defaults_and_comments_that_quote_a_masked_column_are_warned_of_and_acknowledged_one_by_one(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    root = '[[devdb.small.root]]\ntable = "public.person"\n'
    masks = '[public.person]\nnick = "text"\nlogin = "text"\nkind = "keep"\nfree = "text"\n'
    folder = make_folder(make_database(DESCRIBED), root, masks)

    def warned() -> set[str]:
        planned = folder.run("dev", "plan", "small", "--json")
        assert planned.code == 0, planned.err
        return {
            w.split(" quotes ")[0].removeprefix("the ") for w in planned.json["warnings"] if "quotes" in w
        }

    assert warned() == set(PLACES)
    leaking = folder.run("dev", "create", "small")
    assert leaking.code == 1
    for place in PLACES:
        assert f"occur in {place} " in leaking.err
    folder.write(devdb=f'acknowledged = ["{PLACES[0]}", "public.person.login"]\n{root}')
    assert warned() == {"comment public.person"}
    assert folder.run("dev", "create", "small").code == 1
    folder.write(devdb=f'acknowledged = ["{PLACES[0]}", "comment *"]\n{root}')
    assert not warned()
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert "acknowledged: 1 values of public.person.nick also in default public.person.nick" in done.out

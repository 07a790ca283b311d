"""Writing masks.toml: people's lines stay, new ones go where the schema has them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.model import ColumnName, TableName
from penstock.policy.registry_edit import HEADER, merged, write
from penstock.policy.registry_file import Line, parse

ORDER = [ColumnName(TableName("public", t), c) for t in ("alpha", "beta", "gamma") for c in ("x", "y", "z")]
PEOPLES = """\
# Reviewed by the works council.

# customers
[public.beta]  # do not touch
# the reason is long
y   =   { mask = "text", who="me" }   # and stays
tags = [
  # an odd value a person may write
]
"""


def line(name: str, mask: str = "keep") -> Line:
    table, column = name.split(".")
    return Line(ColumnName(TableName("public", table), column), mask, by="discover")


def test_new_lines_go_where_the_schema_has_them():
    text = merged(
        '[public.beta]\ny = "text"\n',
        [line("gamma.x"), line("beta.x"), line("beta.z"), line("alpha.y")],
        ORDER,
    )
    assert [str(found.column) for found in parse(text)] == [
        "public.alpha.y", "public.beta.x", "public.beta.y", "public.beta.z", "public.gamma.x",
    ]  # fmt: skip


def test_what_people_wrote_stays_to_the_byte():
    peoples = PEOPLES.replace("tags = [\n  # an odd value a person may write\n]\n", "")
    text = merged(peoples, [line("beta.x"), line("beta.z"), line("alpha.x")], ORDER)
    for written in peoples.splitlines():
        assert written in text.splitlines()
    assert text.index("# customers") < text.index("[public.beta]")
    assert text.index("# the reason is long") < text.index("y   =")


def test_a_value_over_several_lines_is_one_line_to_the_editor():
    before = '[public.beta]\nx = { mask = "free_text", identities = [\n  "name", # who\n  "email",\n] }\nz = "keep"\n'
    after = merged(before, [line("beta.y")], ORDER)
    assert [found.column.column for found in parse(after)] == ["x", "y", "z"]
    assert '  "name", # who\n' in after


def test_signs_that_elsewhere_end_a_line_do_not_end_one_here():
    before = '[public.beta]\nx = { mask = "constant", value = "a\u2028b\x85c" }\nz = "keep"\n'
    assert (
        merged(before, [line("beta.y")], ORDER).replace('y = { mask = "keep", by = "discover" }\n', "")
        == before
    )


def test_a_line_is_replaced_in_its_place_with_its_comments():
    before = '[public.beta]\n# why\ny = "text"\nz = "keep"\n'
    assert merged(before, [Line(ORDER[4], "null")], ORDER) == '[public.beta]\n# why\ny = "null"\nz = "keep"\n'


def test_a_question_stands_where_its_answer_would_and_goes_when_it_is_answered():
    asked = merged('[public.beta]\nx = "keep"\nz = "keep"\n', [], ORDER, {ORDER[4]: 'y = "text"  # a name?'})
    assert asked == '[public.beta]\nx = "keep"\n#? y = "text"  # a name?\nz = "keep"\n'
    assert merged(asked, [], ORDER, {}) == '[public.beta]\nx = "keep"\nz = "keep"\n'


def test_a_question_cannot_smuggle_a_line_into_the_file():
    text = merged("", [], ORDER, {ORDER[0]: 'x = "text"\ny = "keep"'})
    assert len(parse(text)) == 0


def test_merging_the_same_twice_changes_nothing():
    questions = {ORDER[1]: "open", ORDER[8]: "open too"}
    once = merged(PEOPLES.split("tags", maxsplit=1)[0], [line("beta.x")], ORDER, questions)
    assert merged(once, [line("beta.x")], ORDER, questions) == once


def test_a_new_file_says_what_it_is_for():
    assert merged("", [line("alpha.x")], ORDER).startswith(HEADER)


def test_a_column_written_as_a_table_of_its_own_is_not_silently_doubled():
    before = '[public.beta.y]\nmask = "text"\n'
    after = merged(before, [line("beta.z")], ORDER)
    assert {found.column.column: found.mask for found in parse(after)} == {"y": "text", "z": "keep"}


names = st.text(min_size=1, max_size=12).filter(lambda text: "\x00" not in text and text.isprintable())
values = st.text(max_size=20).filter(
    lambda text: all(ord(c) >= 32 or c in "\t\n" for c in text) and "\x7f" not in text
)


@given(st.lists(st.tuples(names, names, names, values), max_size=8))
def test_whatever_is_written_reads_back(rows: list[tuple[str, str, str, str]]):
    lines = {
        ColumnName(TableName(schema, table), column): Line(
            ColumnName(TableName(schema, table), column), "constant", {"value": value}, why=value
        )
        for schema, table, column, value in rows
    }
    text = merged("", lines.values(), list(lines))
    assert parse(text).lines == lines
    assert merged(text, [], list(lines)) == text


def test_writing_replaces_the_file_whole_and_keeps_its_mode(tmp_path: Path):
    path = tmp_path / "masks.toml"
    write(path, "a\n")
    path.chmod(0o640)
    write(path, "b\n")
    assert path.read_text() == "b\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]

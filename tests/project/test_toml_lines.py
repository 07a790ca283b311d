"""The line of a key, as an editor counts."""

from __future__ import annotations

import pytest

from penstock.project import toml_lines

TEXT = """\
# comment
top = 1
[a]
x = 1
"quoted key" = 2
dotted.key = 3
[a.b]   # comment
y = [
  1,
]
[[a.list]]
z = 1
[[a.list]]
z = 2
[a.list.inner]
w = 3
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("top",), 2),
        (("a",), 3),
        (("a", "x"), 4),
        (("a", "quoted key"), 5),
        (("a", "dotted", "key"), 6),
        (("a", "b"), 7),
        (("a", "b", "y"), 8),
        (("a", "b", "y", 0), 8),
        (("a", "list", 0, "z"), 12),
        (("a", "list", 1), 13),
        (("a", "list", 1, "z"), 14),
        (("a", "list", 1, "inner", "w"), 16),
        (("a", "list", 1, "absent"), 13),
        (("nowhere",), None),
    ],
)
def test_a_key_is_found_on_its_line(keys: tuple[str | int, ...], line: int | None) -> None:
    assert toml_lines.find(toml_lines.index(TEXT), keys) == line

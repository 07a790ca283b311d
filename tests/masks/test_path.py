"""path: segment by segment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.masks.sites import text_values
from tests.masks.standing import masked

SEGMENT = "[a-z2-7]{12}"


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/home/ana/cv.pdf", "/{s}/{s}/{s}\\.pdf"),
        ("ana", "{s}"),
        ("//a/./../b/", "//{s}/\\./\\.\\./{s}/"),
        ("C:\\Users\\Ana\\x.tar.gz", "{s}\\\\{s}\\\\{s}\\\\{s}\\.tar\\.gz"),
        ("docs/ana.silva", "{s}/{s}"),
        ("docs/.pdf", "{s}/{s}"),
        ("a.txt/b.JPG", "{s}/{s}\\.JPG"),
    ],
)
def test_depth_slashes_and_file_type_stay(path, pattern):
    [out] = masked("path", [path])
    assert re.fullmatch(pattern.replace("{s}", SEGMENT), out)


def test_files_of_one_folder_stay_in_one_folder():
    one, two = masked("path", ["/home/ana/a.txt", "/home/ana/b.txt"])
    assert one.rsplit("/", 1)[0] == two.rsplit("/", 1)[0]
    assert one != two


@given(st.integers(1, 80), st.lists(text_values, max_size=6))
def test_no_path_is_longer_than_its_column(length, values):
    assert all(len(out) <= length for out in masked("path", [v[:length] for v in values], max_length=length))

"""url: part by part."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.masks.sites import text_values
from tests.masks.standing import masked

SEGMENT = "[a-z2-7]{12}"


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://shop.example/u/ana?ref=mail&x", "https://{s}\\.example/{s}/{s}\\?ref={s}&{s}"),
        ("HTTP://u:p@h.com:8080/a.pdf#top", "HTTP://{s}:{s}@{s}\\.example:8080/{s}\\.pdf#{s}"),
        ("mailto:ana@shop.example", "mailto:{s}@{s}"),
        ("ana:secret", "{s}:{s}"),
        ("//cdn.example/x", "//{s}\\.example/{s}"),
        ("/relative/?ana@shop.example=1", "/{s}/\\?{s}={s}"),
        ("http://[2001:db8::1]:80/", "http://{s}\\.example:80/"),
        ("http://h:port/", "http://{s}\\.example:{s}/"),
        ("?a=b=c", "\\?a={s}={s}"),
    ],
)
def test_the_structure_of_a_url_stays(url, pattern):
    [out] = masked("url", [url])
    assert re.fullmatch(pattern.replace("{s}", SEGMENT), out)


@given(st.integers(1, 80), st.lists(text_values, max_size=6))
def test_no_url_is_longer_than_its_column(length, values):
    assert all(len(out) <= length for out in masked("url", [v[:length] for v in values], max_length=length))


def test_pages_of_one_host_stay_on_one_host():
    one, two = masked("url", ["https://shop.example/a", "http://shop.example/b"])
    assert one.split("/")[2] == two.split("/")[2]

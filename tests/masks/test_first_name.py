"""first_name: a first name for a first name, word by word."""

from tests.masks.standing import masked


def test_hyphens_and_apostrophes_stay():
    (double,) = masked("first_name", ["Anna-Lena"])
    assert double == "-".join(masked("first_name", ["Anna", "Lena"]))
    assert masked("last_name", ["O'Brien"])[0][1] == "'"


def test_a_short_column_agrees_with_a_long_one_where_the_pseudonym_fits():
    values = ["Maria", "Ana", "Rui", "Eva", "Tom", "Ida", "Leo", "Kim"]
    agreeing = [
        s
        for s, n in zip(masked("first_name", values), masked("first_name", values, max_length=6), strict=True)
        if s == n
    ]
    assert all(len(s) <= 6 for s in agreeing)
    assert len(agreeing) >= 3

"""What each detector finds in running text, and what it leaves alone."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.detect import credit_card, email, iban, ip, mac, phone, url
from penstock.detect.spans import Texts

DETECTORS = {
    "email": email,
    "phone": phone,
    "credit_card": credit_card,
    "iban": iban,
    "ip": ip,
    "mac": mac,
    "url": url,
}

FOUND = [
    (
        "email",
        "write to mary.smith@example.com, or O'Brien@mail.example.org.",
        ["mary.smith@example.com", "O'Brien@mail.example.org"],
    ),
    (
        "email",
        "mailto:a@b.example?cc=c@d.example&bcc=e@f.example|g@h.example",
        ["a@b.example", "c@d.example", "e@f.example", "g@h.example"],
    ),
    (
        "email",
        "<a+b_c@x-y.co.uk>;josé@münchen.example (x@y.xn--p1ai)",
        ["a+b_c@x-y.co.uk", "josé@münchen.example", "x@y.xn--p1ai"],
    ),
    ("email", "no @ here, a@b neither, @handle, me@", []),
    (
        "email",
        "jose%40secret.example, ＲＥ＠secret．example, a%40b@c.example, re@full．example, 40%40, ＠me",
        ["jose%40secret.example", "ＲＥ＠secret．example", "a%40b@c.example", "re@full．example"],
    ),
    ("phone", "call +44 (0)20 7946 0018 or (555) 123-4567!", ["+44 (0)20 7946 0018", "(555) 123-4567"]),
    ("phone", "0176/1234567, 123456, 1234567890123456", ["0176/1234567"]),
    ("phone", "on 2024-05-17 10:22:33 from 192.168.100.200", []),
    ("phone", "on 2024-05-17 +351 912 345 678", ["+351 912 345 678"]),
    ("phone", "5551234567 5551234568 555 123 4569", ["5551234567", "5551234568", "555 123 4569"]),
    ("phone", "10.0.0.1 8080, 10.0.0.1-10.0.0.9, from 10.0.0.1 at 10.0.0.1:8080", []),
    (
        "phone",
        "912345678 10.0.0.1:8080, 10.0.0.1 (555) 123-4567, +33 1.23.45.67",
        ["912345678", "(555) 123-4567", "+33 1.23.45.67"],
    ),
    ("phone", "order A12345678 and 12345678B", []),
    (
        "credit_card",
        "4111 1111 1111 1111, 4111-1111-1111-1111 and 378282246310005",
        ["4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005"],
    ),
    ("credit_card", "4111111111111112 0000000000000000 4444444444444", []),
    ("credit_card", "for 12 months 12 4111 1111 1111 1111 12", ["4111 1111 1111 1111"]),
    (
        "iban",
        "DE89 3704 0044 0532 0130 00 and GB82WEST12345698765432",
        ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"],
    ),
    ("iban", "nl91abna0417164300 is small; DE88 3704 0044 0532 0130 00 is wrong", ["nl91abna0417164300"]),
    (
        "ip",
        "10.0.0.1, 300.1.2.3, 1.2.3.4.5, [2001:db8::1]:443 and ::ffff:10.1.2.3",
        ["10.0.0.1", "2001:db8::1", "::ffff:10.1.2.3"],
    ),
    ("ip", "at 10:22:33, std::move, version 1.2.3", []),
    (
        "mac",
        "00:1A:2b:3c:4d:5e 00-1a-2b-3c-4d-5e 001a.2b3c.4d5e 00:1a:2b:3c:4d",
        ["00:1A:2b:3c:4d:5e", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e"],
    ),
    (
        "url",
        "see https://example.com/a?b=c, (http://x.example/y) or www.example.org.",
        ["https://example.com/a?b=c", "http://x.example/y", "www.example.org"],
    ),
    ("url", "s3://bucket/path/file.csv; nothing://", ["s3://bucket/path/file.csv"]),
]


@pytest.mark.parametrize(
    ("kind", "text", "expected"), FOUND, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(FOUND)]
)
def test_running_text_holds_what_a_reader_would_mark(kind, text, expected):
    # The same text stands beside others and a NULL, so that places in one text never leak into another's.
    values = pa.array(["", text, None, "x", text])
    texts, spans = Texts.of(values), DETECTORS[kind].find(values)
    marked = texts.slices(spans.starts, spans.ends).to_pylist()
    assert marked == expected * 2
    assert texts.rows(spans.starts).tolist() == [1] * len(expected) + [4] * len(expected)


@pytest.mark.parametrize("kind", DETECTORS)
def test_any_text_can_be_searched(kind):
    @given(
        st.lists(
            st.none()
            | st.text(st.characters(codec="utf-8") | st.sampled_from("0123456789.:-+@()/ "), max_size=40),
            max_size=6,
        )
    )
    def check(values):
        array = pa.array(values, pa.string())
        texts, spans = Texts.of(array), DETECTORS[kind].find(array)
        assert all(texts.slices(spans.starts, spans.ends).to_pylist())
        assert (texts.rows(spans.starts) == texts.rows(spans.ends - 1)).all()

    check()


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (
            "email",
            ["a@b.example", " a@b.example ", "a@b.example x", None, ""],
            [True, True, False, None, False],
        ),
        ("iban", ["DE89370400440532013000", "DE89370400440532013001", None], [True, False, None]),
        ("credit_card", ["4111111111111111", "4111111111111111 4111111111111111", "x"], [True, False, False]),
        ("ip", ["10.0.0.1", "::1", "10.0.0.1/8"], [True, True, False]),
    ],
)
def test_a_value_matches_when_it_is_nothing_else(kind, values, expected):
    assert DETECTORS[kind].matches(pa.array(values)).to_pylist() == expected


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(1, 9))
def test_one_wrong_digit_never_passes_luhn(body, change):
    sums = credit_card.luhn_sums(Texts.of(pa.array([body + "0"])))
    number = body + str((10 - int(sums[0])) % 10)
    place = change % len(number)
    broken = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
    assert (credit_card.luhn_sums(Texts.of(pa.array([number, broken]))) == 0).tolist() == [True, False]


@given(st.text("0123456789", min_size=18, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_never_passes_the_iban_checksum(account, place, change):
    check = 98 - iban.checksum(f"DE00{account}")
    broken = account[:place] + str((int(account[place]) + change) % 10) + account[place + 1 :]
    values = pa.array([f"DE{check:02}{account}", f"DE{check:02}{broken}"])
    assert iban.matches(values).to_pylist() == [True, False]


def test_running_text_of_a_megabyte_is_searched_for_ibans_in_one_pass():
    text = pa.array(["de12 and so on " * 70_000 + "DE89370400440532013000"], pa.large_string())
    spans = iban.find(text)
    assert (spans.ends - spans.starts).tolist() == [22]

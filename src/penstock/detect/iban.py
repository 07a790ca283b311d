"""International bank account numbers: the country's length and a right checksum (ISO 13616, ISO 7064 MOD 97-10)."""

from __future__ import annotations

import re
from itertools import islice

import pyarrow as pa

from penstock.detect.spans import Spans, Texts, located, regex_spans, standing_alone, whole

# fmt: off
LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}
# fmt: on

PATTERN = r"(?i:[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,})"
_START = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2})[0-9]{2})")


def checksum(text: str) -> int:
    """The remainder modulo 97 of an IBAN without blanks; 1 where the check digits are right."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97


def find(values: pa.Array) -> Spans:
    """The IBANs in each text."""
    texts = Texts.of(values)
    spans = located(texts, regex_spans(texts, PATTERN), _ibans)
    return spans.where(standing_alone(texts, spans))


def _ibans(candidate: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start in _START.finditer(candidate):
        if found and start.start() < found[-1][1]:
            continue
        length = LENGTHS.get(start.group(1).upper(), 0)
        # Running text may be one candidate of megabytes: no further than the number can reach.
        places = range(start.start(), len(candidate))
        letters = list(islice((i for i in places if candidate[i] not in " -"), length))
        if length and len(letters) == length and checksum("".join(candidate[i] for i in letters)) == 1:
            found.append((start.start(), letters[-1] + 1))
    return found


def matches(values: pa.Array) -> pa.Array:
    """Which values are one IBAN."""
    return whole(values, find(values))

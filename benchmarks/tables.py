"""The tables the benchmarks copy: made by SQL, the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class BenchTable:
    """A table called `bench`. `fill` inserts {rows} rows; `masks` says which column gets which mask."""

    name: str
    ddl: str
    fill: str
    masks: Mapping[str, str]


TEXTS = BenchTable(
    name="11 columns, texts",
    ddl="""CREATE TABLE bench (id bigint, first_name text, last_name text, email text, phone text, token text,
           born date, amount numeric, note text, status int, updated timestamptz)""",
    fill="""INSERT INTO bench SELECT i, 'first' || i % 5000, 'last' || i % 9000, 'user' || i || '@example' || i % 97 || '.com',
            '+44 ' || 7000000000 + i, md5(i::text), date '1950-01-01' + (i % 20000)::int, (i % 100000) / 100.0,
            md5((i * 7)::text) || md5((i * 3)::text), i % 7, timestamptz '2026-01-01' + i * interval '1 second'
            FROM generate_series(1, {rows}) AS i""",
    masks={"email": "text", "token": "text"},
)

# The same rows; an e-mail's pseudonym is three times as long as the e-mails here, and the target writes that much more.
EMAILS = replace(TEXTS, name="11 columns, e-mails", masks={"email": "email", "token": "text"})

_WIDE = 20
WIDE = BenchTable(
    name="25 columns",
    ddl=f"CREATE TABLE bench (id bigint, {', '.join(f'c{i} text' for i in range(_WIDE))}, a int, b int, c date, d timestamptz)",
    fill="INSERT INTO bench SELECT i, "
    + ", ".join(f"'value {n} of ' || i" for n in range(_WIDE))
    + ", i % 7, i % 11, date '2020-01-01', timestamptz '2026-01-01' FROM generate_series(1, {rows}) AS i",
    masks={f"c{i}": "text" for i in range(_WIDE)},
)

TABLES = (TEXTS, EMAILS, WIDE)

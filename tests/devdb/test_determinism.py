"""Same project, same key: the same bytes. Another key: nothing in common."""

from __future__ import annotations

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.servers import Database

PEOPLE = """
CREATE TABLE public.person (
    id int PRIMARY KEY, token uuid NOT NULL UNIQUE, handle text NOT NULL UNIQUE, mail text NOT NULL, avatar text NOT NULL,
    homepage text NOT NULL, first_name text NOT NULL, phone text NOT NULL, born date NOT NULL, seen timestamptz
);
CREATE TABLE public.message (
    id int PRIMARY KEY, handle text NOT NULL REFERENCES public.person (handle), addresses text[], body text
);
INSERT INTO public.person SELECT
    n, md5(n::text)::uuid, 'handle-' || n, 'someone' || n || '@mail' || n % 7 || '.example.org', '/home/people/' || n || '/face.png',
    'https://pages.example.org/people/' || n || '?tab=' || n, (ARRAY['Ada', 'Zoë', 'Boris', 'Çelik'])[1 + n % 4],
    '+43 660 ' || 1000000 + n, date '1950-01-01' + n * 7, now() - n * interval '1 hour'
  FROM generate_series(1, 1000) n;
INSERT INTO public.message SELECT
    n, 'handle-' || 1 + n % 1000, ARRAY['someone' || n || '@mail.example.org', NULL], 'text of message ' || n FROM generate_series(1, 2000) n;
ANALYZE;
"""
DEVDB = """
[[devdb.small.root]]
table = "public.person"
percent = 40
"""
MASKS = """
[public.person]
token = "uuid"
handle = "text"
mail = "email"
avatar = "path"
homepage = "url"
first_name = "first_name"
phone = "phone"
born = "date_shift"
[public.message]
addresses = "email"
body = "text"
"""
HIGH_ENTROPY = ("token", "handle", "mail", "avatar", "homepage")


def rows(database: Database) -> dict[str, list[str]]:
    return {
        table: [row for (row,) in database.rows(f"SELECT t::text FROM public.{table} t ORDER BY id")]
        for table in ("person", "message")
    }


def create(folder: Folder) -> Database:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    return folder.made


def test_the_same_key_gives_the_same_bytes_and_another_key_shares_nothing(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(PEOPLE)
    first = create(make_folder(source, DEVDB, MASKS))
    again = create(make_folder(source, DEVDB, MASKS))
    assert rows(first) == rows(again)
    assert 320 < first.value("SELECT count(*) FROM person") < 480

    # the same rows, laid out otherwise in the source
    rewritten = make_database(template=source.name)
    rewritten.execute(
        "CREATE TABLE other AS SELECT * FROM person ORDER BY md5(id::text)",
        "ALTER TABLE message DROP CONSTRAINT message_handle_fkey",
        "TRUNCATE person",
        "INSERT INTO person SELECT * FROM other",
        "DROP TABLE other",
        "ALTER TABLE message ADD FOREIGN KEY (handle) REFERENCES person (handle)",
        "UPDATE message SET body = body WHERE id % 3 = 0",
        "ANALYZE",
    )
    assert rows(create(make_folder(rewritten, DEVDB, MASKS))) == rows(first)

    # the whole table, so that both keys mask the same rows: no value of a high-entropy mask in common
    whole = DEVDB.replace("percent = 40", "")
    one = create(make_folder(source, whole, MASKS))
    other = create(make_folder(source, whole, MASKS, key="fedcba9876543210" * 4))
    for column in HIGH_ENTROPY:
        query = f"SELECT DISTINCT {column}::text FROM person"
        ours, theirs = ({value for (value,) in database.rows(query)} for database in (one, other))
        assert len(ours) == 1000
        assert not ours & theirs, column
    assert rows(one)["person"] != rows(other)["person"]
    # a subset has the same pseudonyms as the whole
    assert set(rows(first)["person"]) < set(rows(one)["person"])


def test_a_percentage_chooses_other_rows_under_another_key(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(PEOPLE)
    chosen = [
        {row for (row,) in create(make_folder(source, DEVDB, MASKS, key=key)).rows("SELECT id FROM person")}
        for key in ("0123456789abcdef" * 4, "fedcba9876543210" * 4)
    ]
    assert chosen[0] != chosen[1]

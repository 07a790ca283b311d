"""Whatever is wrong with the project, the servers or the rights: a clear error, its exit code, and nothing touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import KEY, Done, Folder, MakeFolder
from tests.devdb.small_shop import (
    DEVDB,
    MASKS,
    SHOP,
    assert_says_no_more_than_it_may,
    checksum,
    databases,
)
from tests.servers import Database

USAGE, DATABASE, REFUSED = 2, 3, 4


@dataclass(frozen=True)
class Case:
    """A project with one thing wrong, and what must be said about it."""

    exit_code: int
    code: str
    says: tuple[str, ...]
    devdb: str = DEVDB
    masks: str = MASKS
    change: Callable[[Folder], None] = lambda folder: None
    source: Callable[[Database], None] = lambda source: None
    command: tuple[str, ...] = ("dev", "create", "small")


def replaced(old: str, new: str) -> Callable[[Folder], None]:
    def change(folder: Folder) -> None:
        path = folder.path / "penstock.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def wrong_password(folder: Folder) -> None:
    (folder.path / ".env").write_text(
        f"PENSTOCK_KEY={KEY}\nSOURCE_PASSWORD=swordfish-nobody\nTARGET_PASSWORD='{folder.target.password}'\n"
    )


def wrong_target_password(folder: Folder) -> None:
    (folder.path / ".env").write_text(
        f"PENSTOCK_KEY={KEY}\nSOURCE_PASSWORD='{folder.source.server.password}'\nTARGET_PASSWORD=swordfish-nobody\n"
    )


def without_key(folder: Folder) -> None:
    path = folder.path / ".env"
    path.write_text(
        "".join(line for line in path.read_text().splitlines(True) if not line.startswith("PENSTOCK_KEY"))
    )


def weak_key(folder: Folder) -> None:
    path = folder.path / ".env"
    path.write_text(path.read_text().replace("PENSTOCK_KEY=", "PENSTOCK_KEY=swordfish-nobody #"))


def unreachable(folder: Folder) -> None:
    replaced(f"port = {folder.source.server.port}", "port = 1")(folder)


def target_is_source(folder: Folder) -> None:
    replaced(f'database = "{folder.database}"', f'database = "{folder.source.name}"')(folder)


def target_exists(folder: Folder) -> None:
    folder.target.create(folder.database)


def target_has_rows(folder: Folder) -> None:
    folder.target.create(folder.database).psql("CREATE TABLE precious AS SELECT 1 AS row")


def root(text: str) -> str:
    return f'keep = ["public.country"]\n[[devdb.small.root]]\n{text}\n'


CASES = {
    "a wrong password": Case(DATABASE, "PEN-3100", ("refused the login", ".env"), change=wrong_password),
    "a wrong password of the target": Case(
        DATABASE, "PEN-3100", ("refused the login", ".env"), change=wrong_target_password
    ),
    "an unreachable host": Case(DATABASE, "PEN-3100", ("conn test",), change=unreachable),
    "an unknown host": Case(
        DATABASE,
        "PEN-3100",
        ("conn test",),
        change=replaced('host = "127.0.0.1"', 'host = "no-such-host.invalid"'),
    ),
    "an unknown source database": Case(
        DATABASE,
        "PEN-3100",
        ("no such database",),
        change=lambda f: replaced(f.source.name, "no_such_database")(f),
    ),
    "an unknown table in a root": Case(
        USAGE,
        "PEN-2400",
        ("public.custmer", "did you mean 'public.customer'"),
        devdb=root('table = "public.custmer"'),
    ),
    "an unknown table in keep": Case(
        USAGE,
        "PEN-2400",
        ("devdb.small.keep",),
        devdb='keep = ["public.contry"]\n' + root('table = "customer"')[25:],
    ),
    "an ambiguous table": Case(
        USAGE,
        "PEN-2400",
        ("'customer'", "ambiguous", "crm.customer", "public.customer"),
        devdb=root('table = "customer"'),
        source=lambda s: s.execute("CREATE SCHEMA crm", "CREATE TABLE crm.customer (id int)"),
    ),
    "a view as root": Case(
        USAGE,
        "PEN-2400",
        ("public.rich",),
        devdb=root('table = "public.rich"'),
        source=lambda s: s.execute("CREATE VIEW public.rich AS SELECT * FROM customer"),
    ),
    "a syntax error in where": Case(
        DATABASE,
        "PEN-3200",
        ("public.customer", "where"),
        devdb=root('table = "public.customer"\nwhere = "id = = 4"'),
    ),
    "a where with two statements": Case(
        DATABASE,
        "PEN-3200",
        ("where",),
        devdb=root('table = "public.customer"\nwhere = "true); DROP TABLE public.orders; SELECT (true"'),
    ),
    "a where that closes our parentheses": Case(
        USAGE,
        "PEN-2100",
        ("`where` of the root public.customer", "parentheses"),
        devdb=root('table = "public.customer"\nwhere = "false) OR (true"\npercent = 50'),
    ),
    "a real that closes our parentheses": Case(
        USAGE,
        "PEN-2100",
        ("devdb.small.real", "parentheses"),
        devdb=DEVDB
        + '[[devdb.small.real]]\ntable = "public.customer"\nwhere = "id = 1) OR (name <> \'Quartermaine\'"\n',
    ),
    "an edge whose where closes our parentheses": Case(
        USAGE,
        "PEN-2100",
        ("the edge public.orders → public.country", "parentheses"),
        devdb=DEVDB
        + '[[devdb.small.edge]]\nfrom = "public.orders.note"\nto = "public.country.name"\nwhere = "false) OR (true -- ("\n',
    ),
    "an edge whose on and where close each other's parentheses": Case(
        USAGE,
        "PEN-2100",
        ("the edge public.orders → public.country", "parentheses"),
        devdb=DEVDB
        + '[[devdb.small.edge]]\nfrom = "public.orders"\nto = "public.country"\non = "child.id = 1) OR (true"\nwhere = "true"\n',
    ),
    "a where that is a query": Case(
        USAGE, "PEN-2100", ("query",), devdb=root('table = "public.customer"\nwhere = "SELECT true"')
    ),
    "a where that compares with a personal value": Case(
        DATABASE,
        "PEN-3200",
        ("where",),
        devdb=root('table = "public.customer"\nwhere = "id = \'Quartermaine\'"'),
    ),
    "a where that fails on a row": Case(
        DATABASE,
        "PEN-3200",
        ("where",),
        devdb=root('table = "public.customer"\nwhere = "name::int > 3"'),
    ),
    "a where with an unknown column": Case(
        DATABASE, "PEN-3200", ("nmae",), devdb=root('table = "public.customer"\nwhere = "nmae = \'x\'"')
    ),
    "a misspelt key": Case(
        USAGE, "PEN-2100", ("unclasified", "unclassified"), devdb='unclasified = "mask"\n' + DEVDB
    ),
    "a misspelt section": Case(USAGE, "PEN-2400", ("smal",), command=("dev", "create", "smal")),
    "broken TOML": Case(
        USAGE, "PEN-2100", ("penstock.toml",), devdb='keep = ["public.country"\n' + root('table = "x"')
    ),
    "a root with a negative limit": Case(
        USAGE, "PEN-2100", ("public.customer",), devdb=root('table = "public.customer"\nlimit = -1')
    ),
    "a root with too high a percentage": Case(
        USAGE, "PEN-2100", ("public.customer",), devdb=root('table = "public.customer"\npercent = 130')
    ),
    "no root at all": Case(USAGE, "PEN-2100", ("root",), devdb=""),
    "an edge to an unknown column": Case(
        USAGE,
        "PEN-2400",
        ("custmer_id", "customer_id"),
        devdb=DEVDB + '[[devdb.small.edge]]\nfrom = "public.orders.custmer_id"\nto = "public.customer.id"\n',
    ),
    "no key": Case(USAGE, "PEN-2100", ("PENSTOCK_KEY", "penstock init"), change=without_key),
    "a key that is none": Case(USAGE, "PEN-2100", ("PENSTOCK_KEY",), change=weak_key),
    "the source as target": Case(REFUSED, "PEN-4400", ("the source itself",), change=target_is_source),
    "a name longer than PostgreSQL keeps": Case(
        USAGE,
        "PEN-2100",
        ("63 bytes", "devdb.small"),
        change=lambda f: replaced(f.database, f.database + "n" * 60)(f),
    ),
    "a target that exists": Case(REFUSED, "PEN-4400", ("exists already",), change=target_exists),
    "a target that is not empty": Case(REFUSED, "PEN-4400", ("exists already",), change=target_has_rows),
    "a refresh of somebody else's database": Case(
        REFUSED,
        "PEN-4400",
        ("not made by Penstock",),
        change=target_has_rows,
        command=("dev", "refresh", "small"),
    ),
    "a drop of somebody else's database": Case(
        REFUSED,
        "PEN-4400",
        ("not made by Penstock",),
        change=target_has_rows,
        command=("dev", "drop", "small", "--yes"),
    ),
    "an add to somebody else's database": Case(
        REFUSED,
        "PEN-4400",
        ("not made by Penstock",),
        change=target_has_rows,
        command=("dev", "add", "small", "--root", "public.orders:id = 1"),
    ),
    "a refresh of nothing": Case(REFUSED, "PEN-4400", ("dev create",), command=("dev", "refresh", "small")),
    "a drop of nothing": Case(REFUSED, "PEN-4400", ("dev list",), command=("dev", "drop", "small", "--yes")),
    "an add to nothing": Case(
        REFUSED,
        "PEN-4400",
        ("dev create",),
        command=("dev", "add", "small", "--root", "public.orders:id = 1"),
    ),
    "a verification of nothing": Case(
        REFUSED, "PEN-4400", ("dev create",), command=("dev", "verify", "small")
    ),
    "an add without a condition": Case(
        USAGE, "PEN-2000", ("TABLE:WHERE",), command=("dev", "add", "small", "--root", "public.orders")
    ),
    "a plan that is none": Case(
        USAGE,
        "PEN-2100",
        ("not a saved plan",),
        command=("dev", "create", "small", "--plan", "{path}/penstock.toml"),
    ),
    "a mask that breaks a UNIQUE": Case(
        REFUSED,
        "PEN-4300",
        ("public.customer.nick", "customer_nick_key"),
        masks=MASKS.replace('nick = "text"', 'nick = { mask = "constant", value = "x" }'),
    ),
    "a NULL where there may be none": Case(
        REFUSED, "PEN-4300", ("public.customer.name",), masks=MASKS.replace('name = "text"', 'name = "null"')
    ),
    "a mask that does not exist": Case(
        USAGE, "PEN-2300", ("txet", "did you mean"), masks=MASKS.replace('note = "text"', 'note = "txet"')
    ),
    "undecided columns": Case(
        REFUSED, "PEN-4200", ("public.orders.note",), masks=MASKS.replace('note = "text"', "")
    ),
    "masks.toml that is no TOML": Case(USAGE, "PEN-2200", ("masks.toml",), masks="[public.customer\n"),
    "a state folder that is a file": Case(
        USAGE, "PEN-2100", (".penstock",), change=lambda f: (f.path / ".penstock").write_text("") and None
    ),
    "a mandatory reference to an empty table": Case(
        REFUSED,
        "PEN-4300",
        ("public.customer", "public.country"),
        devdb='empty = ["public.country"]\n[[devdb.small.root]]\ntable = "public.customer"\nlimit = 5\n',
    ),
}


@pytest.mark.parametrize("command", ["plan", "create", "refresh", "drop", "verify"])
@pytest.mark.parametrize("name", ["template0", "template1", "postgres", "maintenance"])
def test_a_database_the_server_or_the_connection_needs_is_no_copy(
    name: str, command: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SHOP), DEVDB, MASKS)
    replaced(f'database = "{folder.database}"', f'database = "{name}"')(folder)
    replaced('dbname = "postgres"', 'dbname = "maintenance"')(folder)  # there is none: nobody connects
    before = databases(folder.target)
    refused = folder.run("dev", command, "small", *(["--yes"] if command == "drop" else []))
    assert refused.code == USAGE
    assert "[PEN-2100]" in refused.err
    assert f"would make the database {name}" in refused.err
    assert "hint: add to [devdb.small]: database = " in refused.err
    assert databases(folder.target) == before


def run(folder: Folder, *command: str) -> Done:
    return folder.run(*(part.replace("{path}", str(folder.path)) for part in command))


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_and_nothing_is_touched(
    name: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    case = CASES[name]
    source = make_database(SHOP)
    case.source(source)
    folder = make_folder(source, case.devdb, case.masks)
    case.change(folder)
    before = databases(folder.target), checksum(source)

    done = run(folder, *case.command)

    assert done.code == case.exit_code, done.err
    assert f"[{case.code}]" in done.err, done.err
    assert "hint: " in done.err, done.err
    for words in case.says:
        assert words in done.err
    assert_says_no_more_than_it_may(done, folder)
    assert (databases(folder.target), checksum(source)) == before

    as_json = run(folder, *case.command, "--json") if case.command[1] != "drop" else None
    if as_json is not None:
        assert as_json.json["error"]["code"] == case.code
        assert as_json.json["error"]["hint"]
        assert_says_no_more_than_it_may(as_json, folder)

"""Unique values are planted as secrets and in every personal column; then every command runs, well and badly.

No canary may be found afterwards: not in what was printed, not in a file of the project or the temporary folder, not in
a dump of the development database. A new command fails the last test here until it is run here too.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import click
import pytest

from penstock.cli import cli
from tests.cli.running import Done, run
from tests.servers import Database, Server, unique_name

MARK = "zq7canary"  # in every personal value, in every secret
PHONE = "867 5309"
READER, WRITER = f"{MARK}-Reader#!@ 'x'", f"{MARK}/Writer%?&=+"
KEY = "c0ffee5eedc0ffee" * 4

SCHEMA = f"""
CREATE TABLE customer (
  id bigint PRIMARY KEY, email text NOT NULL UNIQUE, first_name text, last_name text, phone text, street text,
  password_hash text, notes text, profile jsonb, aliases text[], avatar bytea,
  search tsvector GENERATED ALWAYS AS (to_tsvector('simple', first_name || ' ' || last_name)) STORED);
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, customer_email text REFERENCES customer (email),
  comment text, amount numeric(10,2));
CREATE TABLE audit_log (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, old_row jsonb);
INSERT INTO customer SELECT i, '{MARK}mail' || i || '@mail.example', 'Zq7canaryfirst' || i, 'Zq7canarylast' || i,
  '+49 {PHONE} ' || i, i || ' Zq7canary Street', '$2b${MARK}' || i,
  'Call Zq7canaryfirst' || i || ' at +49 {PHONE} ' || i || ' or {MARK}mail' || i || '@mail.example',
  jsonb_build_object('nick', '{MARK}nick' || i, 'deep', jsonb_build_array('{MARK}deep' || i)),
  ARRAY['{MARK}alias' || i, NULL], convert_to('{MARK}avatar' || i, 'UTF8')
  FROM generate_series(1, 40) i;
INSERT INTO orders SELECT i, 1 + i % 40, '{MARK}mail' || (1 + i % 40) || '@mail.example', '{MARK}comment' || i, i
  FROM generate_series(1, 120) i;
INSERT INTO audit_log SELECT o.id, o.id, to_jsonb(o) FROM orders o;
ANALYZE;
"""

TOML = """\
[project]
name = "shop"
[connections.prod]
role = "source"
url = "${{PROD_URL}}"
[connections.dev]
role = "target"
host = "{host}"
port = {port}
dbname = "postgres"
user = "{writer}"
password = "${{DEV_PASSWORD}}"
[connections.wrong]
role = "lake"
host = "{host}"
port = {port}
dbname = "postgres"
user = "{reader}"
password = "${{WRONG_PASSWORD}}"
[devdb.small]
source = "prod"
target = "dev"
database = "{database}"
unclassified = "mask"
[[devdb.small.root]]
table = "public.customer"
limit = 10
[devdb.bad_cast]
source = "prod"
target = "dev"
unclassified = "mask"
[[devdb.bad_cast.root]]
table = "public.customer"
where = "email::int > 0"
"""


@dataclass
class Sweep:
    """A project with canaries, and everything its commands have printed."""

    folder: Path
    temporary: Path
    source: Database
    copy: Database
    printed: list[tuple[str, str]] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)
    dump: str = ""

    def penstock(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> Done:
        done = run(*arguments, cwd=cwd or self.folder, stdin=stdin, TMPDIR=str(self.temporary))
        self.printed += [(f"{arguments} stdout", done.out), (f"{arguments} stderr", done.err)]
        names = [name for name in arguments if not name.startswith("-")]
        self.ran |= {" ".join(names[:1]), " ".join(names[:2])}
        return done

    def must(self, *arguments: str, code: int = 0) -> Done:
        done = self.penstock(*arguments)
        assert done.code == code, (arguments, done.code, done.out, done.err)
        return done


@pytest.fixture(scope="module")
def sweep(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Every command, run once or more on a project full of canaries."""
    reader, writer, copy = unique_name("reader"), unique_name("writer"), unique_name("copy")
    source = postgres.create(unique_name("canaries"))
    source.psql(SCHEMA)
    for role, password, more in ((reader, READER, "IN ROLE pg_read_all_data"), (writer, WRITER, "CREATEDB")):
        quoted = password.replace("'", "''")
        postgres.maintenance.psql(f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}' {more}")
    folder = tmp_path_factory.mktemp("project")
    toml = TOML.format(host=postgres.host, port=postgres.port, reader=reader, writer=writer, database=copy)
    (folder / "penstock.toml").write_text(toml)
    url = f"postgresql://{reader}:{quote(READER, safe='')}@{postgres.host}:{postgres.port}/{source.name}"
    if postgres.host.startswith("/"):
        url = f"postgresql://{reader}:{quote(READER, safe='')}@/{source.name}?host={postgres.host}&port={postgres.port}"
    (folder / ".env").write_text(
        f"PENSTOCK_KEY={KEY}\nPROD_URL='{url}'\nDEV_PASSWORD='{WRITER}'\nWRONG_PASSWORD='{MARK}wrong'\n"
    )
    (folder / ".env").chmod(0o600)
    made = Sweep(folder, tmp_path_factory.mktemp("temporary"), source, postgres.database(copy))
    try:
        _run_everything(made)
        yield made
    finally:
        for name in (copy, source.name):
            postgres.drop(name)
        postgres.maintenance.psql(f"DROP ROLE {reader}; DROP ROLE {writer}")


def _run_everything(sweep: Sweep) -> None:
    sweep.penstock("doctor", "-vv")
    sweep.penstock("doctor", "--json")
    sweep.must("config", "show", "--origin", "-vv")
    sweep.must("config", "show", "--json")
    sweep.penstock("dev", "plan", "bad_cast", "--json")
    sweep.penstock("dev", "create", "bad_cast", "-vv")
    sweep.penstock("conn", "test", "-vv")
    sweep.must("config", "schema")
    sweep.must("conn", "list")
    sweep.penstock("conn", "test", "--json")
    sweep.penstock("conn", "test", "wrong", "--set", "connections.wrong.host=/nowhere")
    sweep.must("discover")
    sweep.must("discover", "--dry-run", "--json")
    sweep.must("masks", "list")
    sweep.must("masks", "list", "--columns", "--json")
    sweep.penstock("masks", "check")
    sweep.must("masks", "preview", "public.customer", "--for", "small", "--rows", "1")
    sweep.must("masks", "preview", "--for", "small", "--json", "--rows", "20")
    sweep.must("masks", "export", "decisions.csv")
    sweep.must("masks", "import", "decisions.csv")
    sweep.must("dev", "plan", "small", "--save", "plan.json")
    sweep.must("dev", "plan", "small", "--json")
    sweep.must("dev", "create", "small", "--plan", "plan.json")
    sweep.penstock("dev", "create", "small")
    sweep.must("dev", "verify", "small", "--json")
    sweep.must("dev", "add", "small", "--root", "public.customer:id = 33")
    sweep.must("dev", "add", "small", "--root", f"public.customer:email = '{MARK}mail34@mail.example'")
    sweep.penstock("dev", "add", "small", "--root", "public.customer:email::int = 1", "-vv")
    sweep.must("dev", "why", "small", "public.orders", "1")
    sweep.must("dev", "refresh", "small")
    sweep.must("dev", "list", "--json")
    sweep.penstock("dev", "drift", "small", "--json")
    sweep.must("dev", "reset", "small", "--grace", "0s", "--yes", "--json")
    sweep.must("dev", "ci", "small", "--on", "github")
    sweep.penstock("dev", "scrub", "dev", "--confirm", "postgres", "--json")
    sweep.dump = _dump(sweep.copy)
    sweep.must("dev", "drop", "small", "--yes")
    other = sweep.folder / "other"
    other.mkdir()
    sweep.penstock(
        "init", "--no-input", "--source", "postgresql://u@h/d", "--password-stdin", stdin=READER, cwd=other
    )
    (other / ".env").unlink()  # the one file that may hold it


def _dump(database: Database) -> str:
    done = subprocess.run(
        [database.server.programs / "pg_dump"], env=database.environment, capture_output=True, check=True
    )
    return done.stdout.decode()


def forms(secret: str) -> set[str]:
    """A secret as it is, percent-encoded, as JSON, and inside base64 at its three alignments."""
    found = {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    for lead in range(3):
        text = base64.b64encode(b"\0" * lead + secret.encode()).decode()
        found.add(text[4:-4])
    return found


CANARIES = {MARK, PHONE, base64.b64encode(MARK.encode())[:10].decode(), MARK.encode().hex()} | {
    form for secret in (READER, WRITER, KEY) for form in forms(secret)
}


def found_in(text: str) -> list[str]:
    return sorted(canary for canary in CANARIES if canary.lower() in text.lower())


def test_nothing_printed_holds_a_canary(sweep: Sweep) -> None:
    assert {where: found for where, text in sweep.printed if (found := found_in(text))} == {}


def test_no_file_but_env_holds_a_canary(sweep: Sweep) -> None:
    files = [path for root in (sweep.folder, sweep.temporary) for path in root.rglob("*") if path.is_file()]
    assert {"masks.toml", "plan.json", "decisions.csv"} <= {path.name for path in files}
    leaks = {
        str(path): found_in(path.read_bytes().decode("latin-1")) for path in files if path.name != ".env"
    }
    assert {path: found for path, found in leaks.items() if found} == {}


def test_the_development_database_holds_no_canary_but_has_rows(sweep: Sweep) -> None:
    assert sweep.dump.count("\n") > 100
    assert "CREATE TABLE public.customer" in sweep.dump
    assert found_in(sweep.dump) == []


def test_the_canaries_are_found_where_they_are(sweep: Sweep) -> None:
    assert set(found_in(_dump(sweep.source))) >= {MARK, PHONE, MARK.encode().hex()}
    assert found_in((sweep.folder / ".env").read_text())


def test_every_command_was_run(sweep: Sweep) -> None:
    def leaves(group: click.Group, path: str) -> Iterator[str]:
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            if isinstance(command, click.Group):
                yield from leaves(command, f"{path}{name} ")
            else:
                yield f"{path}{name}"

    # the demo makes its own server, passwords and people: there is nowhere to plant a canary
    assert set(leaves(cli, "")) - sweep.ran == {"demo"}

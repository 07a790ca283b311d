"""The developers' role: owner of the copy, of nothing else; and what never comes along from production."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.small_shop import DEVDB, MASKS, SHOP
from tests.servers import Server, unique_name

DEFINER = """
CREATE FUNCTION public.whoami() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';
CREATE VIEW public.rich AS SELECT * FROM public.orders WHERE amount > 100;
CREATE SCHEMA "Big One";
CREATE TYPE "Big One".mood AS ENUM ('good');
"""


def as_role(folder: Folder, user: str, password: str, *statements: str, database: str = "") -> list[object]:
    """Run statements as somebody else; the first value of each."""

    async def run() -> list[object]:
        connection = await asyncpg.connect(
            host=folder.target.host,
            port=folder.target.port,
            user=user,
            password=password,
            database=database or folder.database,
        )
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.fixture
def group(postgres: Server, make_role: MakeRole) -> str:
    name, _ = make_role()
    postgres.maintenance.execute(f"ALTER ROLE {name} NOLOGIN")
    return name


@pytest.mark.parametrize("how", ["create", "template", "reset"])
@pytest.mark.parametrize("builder", ["superuser", "createdb"])
def test_developers_change_everything_in_the_copy_and_nothing_beside_it(
    make_database: MakeDatabase,
    make_folder: MakeFolder,
    make_role: MakeRole,
    group: str,
    how: str,
    builder: str,
) -> None:
    folder = make_folder(make_database(SHOP + DEFINER), f'developers = "{group}"\n{DEVDB}', MASKS)
    ann, password = make_role(f"IN ROLE {group}")
    if builder == "createdb":
        owner, owners_password = make_role(f"CREATEDB IN ROLE {group}")
        folder.log_in_as("dev", owner, owners_password)
    commands = {
        "create": [["create", "small"]],
        "template": [["create", "small", "--template"], ["create", "--from-template", "small"]],
        "reset": [["create", "small"], ["reset", "small", "--grace", "0s"]],
    }[how]
    for command in commands:
        done = folder.run("dev", *command)
        assert done.code == 0, done.err
    assert as_role(
        folder,
        ann,
        password,
        "ALTER TABLE public.orders ADD COLUMN mine int",
        "UPDATE public.orders SET mine = amount",
        "INSERT INTO public.orders (customer_id, amount) VALUES (1, 2)",
        "DROP VIEW public.rich",
        "ALTER TYPE \"Big One\".mood ADD VALUE 'bad'",
        'CREATE TABLE "Big One".t (id serial)',
        "CREATE SCHEMA own",
        "SELECT operation FROM penstock.manifest LIMIT 1",
        "SELECT public.whoami()",
    )[-2:] == [{"create": "create", "template": "template", "reset": "reset"}[how], group]
    for forbidden in (
        "DELETE FROM penstock.manifest",
        "DROP SCHEMA penstock CASCADE",
        f"ALTER DATABASE {folder.database} RENAME TO mine",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            as_role(folder, ann, password, forbidden)
    listed = folder.project.extras_dev("small")
    assert "table column public.orders.mine (new)" in listed.lost
    assert 'table "Big One".t' in listed.listed
    assert not any("GRANT" in text for text in listed.listed), "what the role was given is not what it made"
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 1, "the column and the view: structure"
    folder.target.drop(folder.database)
    folder.target.drop(f"{folder.database}__template")


@pytest.mark.parametrize("builder", ["superuser", "createdb"])
def test_large_objects_are_the_developers_too_also_those_that_are_added(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, group: str, builder: str
) -> None:
    source = make_database(SHOP + "SELECT lo_from_bytea(1, 'one');")
    settings = f'developers = "{group}"\nlarge_objects = "keep"\n{DEVDB}'
    folder = make_folder(source, settings, MASKS)
    ann, password = make_role(f"IN ROLE {group}")
    if builder == "createdb":
        folder.log_in_as("dev", *make_role(f"CREATEDB IN ROLE {group}"))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    source.execute("SELECT lo_from_bytea(2, 'two')")
    added = folder.run("dev", "add", "small", "--root", "public.customer:id = 5")
    assert added.code == 0, added.err
    told = as_role(
        folder, ann, password, "SELECT lo_put(1, 0, 'One')", "SELECT lo_get(1)", "SELECT lo_unlink(2)"
    )
    assert told[1:] == [b"One", 1]
    folder.target.drop(folder.database)


def test_what_developers_made_is_restored_as_them_and_theirs_again(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, group: str
) -> None:
    folder = make_folder(make_database(SHOP), f'developers = "{group}"\n{DEVDB}', MASKS)
    ann, password = make_role(f"IN ROLE {group}")
    assert folder.run("dev", "create", "small").code == 0
    as_role(
        folder,
        ann,
        password,
        "CREATE TABLE public.mine (id serial, who text DEFAULT 'ann')",
        "INSERT INTO public.mine DEFAULT VALUES",
        # what a restore evaluates runs as whoever restores: never with the builder's rights
        "CREATE FUNCTION public.evil() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CREATE ROLE trapped SUPERUSER'; "
        "EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
        "CREATE FUNCTION public.trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
        "$$ BEGIN PERFORM public.evil(); RETURN $1; END $$",
        "CREATE INDEX trap ON public.mine (public.trap(id))",
        "CREATE MATERIALIZED VIEW public.trapped AS SELECT public.trap(1)",
    )
    done = folder.run("dev", "reset", "small", "--grace", "0s", "--keep-extra")
    assert done.code == 0, done.err
    assert (
        folder.made.value("SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'mine'")
        == ann
    )
    assert folder.made.rows("SELECT id, who FROM public.mine") == [(1, "ann")]
    assert folder.target.maintenance.rows("SELECT FROM pg_roles WHERE rolname = 'trapped'") == []
    as_role(
        folder,
        ann,
        password,
        "INSERT INTO public.mine DEFAULT VALUES",
        "REFRESH MATERIALIZED VIEW public.trapped",
    )
    folder.target.drop(folder.database)


def test_a_builder_that_may_not_read_what_somebody_made_is_told_which_grant_it_needs(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, group: str
) -> None:
    folder = make_folder(make_database(SHOP), f'developers = "{group}"\n{DEVDB}', MASKS)
    ann, password = make_role(f"IN ROLE {group}")
    owner, owners_password = make_role(f"CREATEDB IN ROLE {group}, pg_signal_backend")
    folder.log_in_as("dev", owner, owners_password)
    assert folder.run("dev", "create", "small").code == 0
    as_role(folder, ann, password, "CREATE TABLE public.mine AS SELECT 1 AS n")
    refused = folder.run("dev", "reset", "small", "--grace", "0s", "--keep-extra")
    assert refused.code == 4, refused.err
    assert f'GRANT "{ann}" TO "{owner}"' in refused.err
    assert folder.names() == [folder.database]
    folder.target.maintenance.execute(f"GRANT {ann} TO {owner}")
    done = folder.run("dev", "reset", "small", "--grace", "0s", "--keep-extra")
    assert done.code == 0, done.err
    assert (
        folder.made.value("SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'mine'")
        == ann
    )
    assert folder.made.value("SELECT n FROM mine") == 1
    folder.target.drop(folder.database)


def test_a_missing_role_is_made_without_login_where_ours_may_make_roles(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    name = unique_name("dev")
    folder = make_folder(make_database(SHOP), f'developers = "{name}"\n{DEVDB}', MASKS)
    try:
        done = folder.run("dev", "create", "small")
        assert done.code == 0, done.err
        assert f"made the role {name}" in done.err
        assert folder.target.maintenance.rows(
            "SELECT rolcanlogin, rolsuper, rolcreatedb, rolpassword IS NULL FROM pg_authid WHERE rolname = $1",
            name,
        ) == [(False, False, False, True)]
    finally:
        folder.target.drop(folder.database)
        folder.target.maintenance.psql(f"DROP ROLE IF EXISTS {name}")


@pytest.mark.parametrize(
    ("attributes", "developers", "hint"),
    [
        ("CREATEDB", "nobody_there", "CREATE ROLE"),
        ("CREATEDB", "GROUP", "GRANT"),
        ("CREATEDB", "postgres", "superuser"),
        ("CREATEDB", "SELF", "builds the copy"),
        ("CREATEDB", "pg_read_all_data", "no role of people"),
    ],
)
def test_a_role_that_cannot_be_it_refuses_before_anything_is_written(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, group: str,
    attributes: str, developers: str, hint: str,
) -> None:  # fmt: skip
    user, password = make_role(attributes)
    named = {"GROUP": group, "SELF": user}.get(developers, developers)
    folder = make_folder(make_database(SHOP), f'developers = "{named}"\n{DEVDB}', MASKS)
    folder.log_in_as("dev", user, password)
    refused = folder.run("dev", "create", "small")
    assert refused.code in (2, 4), refused.err
    assert hint in refused.err
    assert folder.names() == []


def test_grants_bring_grants_on_objects_and_nothing_of_the_roles_themselves(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    reader, _ = make_role()
    source.execute(
        f"GRANT SELECT ON public.orders TO {reader}",
        f"GRANT SELECT (id) ON public.customer TO {reader} WITH GRANT OPTION",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {reader}",
        f"ALTER DATABASE {source.name} OWNER TO {reader}",
        f"GRANT CREATE ON DATABASE {source.name} TO {reader}",
        f"ALTER ROLE {reader} IN DATABASE {source.name} SET work_mem = '9MB'",
    )
    roles = "SELECT rolname::text, rolpassword, rolsuper, rolcreatedb, rolcanlogin FROM pg_authid ORDER BY 1"
    before = source.server.maintenance.rows(roles)
    for grants, expected in (("false", []), ("true", ["SELECT"])):
        folder = make_folder(source, f"grants = {grants}\n{DEVDB}", MASKS)
        done = folder.run("dev", "create", "small")
        assert done.code == 0, done.err
        assert [
            privilege
            for (privilege,) in folder.made.rows(
                "SELECT privilege_type::text FROM information_schema.table_privileges WHERE grantee = $1",
                reader,
            )
        ] == expected
        assert folder.made.value(f"SELECT has_column_privilege('{reader}', 'customer', 'id', 'SELECT')") is (
            grants == "true"
        )
        assert not folder.made.value(
            f"SELECT has_database_privilege('{reader}', current_database(), 'CREATE')"
        )
        assert folder.made.value("SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
                                 "WHERE d.datname = current_database()") == 0  # fmt: skip
        assert (
            folder.made.value(
                "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
            )
            != reader
        )
        assert folder.made.value("SELECT count(*) FROM pg_default_acl") == 0
        assert not folder.project.extras_dev("small"), "production's grants are none of the developers'"
        folder.target.drop(folder.database)
    assert source.server.maintenance.rows(roles) == before
    source.server.maintenance.execute(f"ALTER DATABASE {source.name} OWNER TO {source.server.user}")


@pytest.mark.parametrize("builder", ["superuser", "createdb"])
def test_what_developers_hide_from_themselves_is_kept_or_refused_with_what_to_do(
    folder: Folder, make_role: MakeRole, group: str, builder: str
) -> None:
    """A materialised view holds what its owner may see of the table below; the rows of that must come whole."""
    ann, password = make_role(f"IN ROLE {group}")
    if builder == "createdb":
        ours, our_password = make_role(f"CREATEDB IN ROLE {group}, pg_signal_backend")
        folder.log_in_as("dev", ours, our_password)
    toml = folder.path / "penstock.toml"
    toml.write_text(toml.read_text().replace("[devdb.small]", f'[devdb.small]\ndevelopers = "{group}"', 1))
    for command in (["create", "small", "--template"], ["create", "--from-template", "small"]):
        assert folder.run("dev", *command).code == 0
    as_role(
        folder,
        ann,
        password,
        f"SET ROLE {group}",
        "CREATE TABLE public.mine (i int)",
        "INSERT INTO public.mine VALUES (1), (2)",
        "ALTER TABLE public.mine ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.mine FORCE ROW LEVEL SECURITY",
        "CREATE POLICY large ON public.mine USING (i > 1)",
        "CREATE MATERIALIZED VIEW public.seen AS SELECT * FROM public.mine",
    )
    reset = ["dev", "reset", "small", "--keep-extra", "--grace", "0s"]
    if builder == "createdb":
        refused = folder.run(*reset)
        assert refused.code == 4
        statement = "ALTER TABLE public.mine NO FORCE ROW LEVEL SECURITY"
        assert f"hint: {statement};   or change or drop it there, or reset" in refused.err
        as_role(folder, ann, password, f"SET ROLE {group}", statement)
    done = folder.run(*reset)
    assert done.code == 0, done.err
    assert folder.made.value("SELECT count(*) FROM public.mine") == 2
    assert folder.made.value("SELECT count(*) FROM public.seen") == (1 if builder == "superuser" else 2)
    folder.target.drop(folder.database)
    folder.target.drop(f"{folder.database}__template")

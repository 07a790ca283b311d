"""`dev refresh`: built beside, and the old database as it was until the swap."""

from __future__ import annotations

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.processes import looking
from tests.devdb.small_shop import MASKS, PERSONAL, counts, databases


def test_refresh_brings_todays_rows_and_keeps_owner_rights_settings_limit_and_comment(
    made: Folder, make_role: MakeRole
) -> None:
    owner, _ = make_role()
    reader, _ = make_role()
    name = made.database
    made.target.maintenance.execute(
        f"ALTER DATABASE {name} OWNER TO {owner}",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, CREATE ON DATABASE {name} TO {reader} WITH GRANT OPTION",
        f"ALTER DATABASE {name} SET search_path = \"$user\", 'My Schema', public",
        f"ALTER DATABASE {name} CONNECTION LIMIT 33",
        f"ALTER DATABASE {name} SET DateStyle = 'SQL, DMY'",
        f"ALTER ROLE {reader} IN DATABASE {name} SET work_mem = '7MB'",
        f"COMMENT ON DATABASE {name} IS 'ours; don''t touch'",
    )

    def kept() -> list[tuple[object, ...]]:
        return made.target.maintenance.rows(
            "SELECT pg_get_userbyid(datdba)::text, datallowconn, datconnlimit, shobj_description(d.oid, 'pg_database'), "
            "(SELECT array_agg(format('%s %s %s', pg_get_userbyid(grantee), privilege_type, is_grantable) ORDER BY 1) "
            " FROM aclexplode(datacl)), "
            "(SELECT array_agg(s.setrole::text || s.setconfig::text ORDER BY s.setrole) FROM pg_db_role_setting s WHERE setdatabase = d.oid) "
            "FROM pg_database d WHERE datname = $1",
            name,
        )

    before = kept()
    made.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    refreshed = made.run("dev", "refresh", "small")
    assert refreshed.code == 0, refreshed.err
    assert kept() == before
    assert counts(made.made)["orders"] == 51
    assert made.names() == [name]
    made.target.drop(name)


def test_refresh_ends_the_sessions_of_the_old_database(made: Folder) -> None:
    with looking(made.made) as session:
        assert made.run("dev", "refresh", "small").code == 0
        assert session.ask("SELECT 1") == "", "the old session has ended"


def test_a_refresh_that_fails_leaves_the_old_database(made: Folder) -> None:
    made.made.execute("CREATE TABLE public.old_one ()")
    before = databases(made.target)
    made.write(masks=MASKS.replace('note = "text"', ""))
    assert made.run("dev", "refresh", "small").code == 4
    made.write(
        masks=MASKS.replace('note = "text"', 'note = "keep"').replace('name = "text"', 'name = "text"', 1)
    )
    made.source.execute("UPDATE orders SET note = (SELECT name FROM customer WHERE id = customer_id)")
    leaking = made.run("dev", "refresh", "small")
    assert leaking.code == 1, leaking.err
    assert "public.customer.name occur in" in leaking.err
    assert not any(value in leaking.err + leaking.out for value in PERSONAL)
    assert databases(made.target) == before
    assert made.made.value("SELECT to_regclass('public.old_one') IS NOT NULL")


def test_a_role_that_may_not_end_the_sessions_in_the_way_is_told_so(
    made: Folder, make_role: MakeRole
) -> None:
    owner, password = make_role("CREATEDB")
    made.target.maintenance.execute(f"ALTER DATABASE {made.database} OWNER TO {owner}")
    made.made.execute(
        f"GRANT USAGE ON SCHEMA penstock TO {owner}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA penstock TO {owner}",
    )
    made.log_in_as("dev", owner, password)
    before = databases(made.target)
    with looking(made.made) as session:
        refused = made.run("dev", "refresh", "small")
        assert session.ask("SELECT 1") == "1"
    assert refused.code == 3, refused.err
    assert "pg_signal_backend" in refused.err
    assert databases(made.target) == before
    made.target.drop(made.database)


def test_a_database_of_another_project_is_neither_refreshed_nor_dropped(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    folder = make_folder(source, '[[devdb.small.root]]\ntable = "public.t"\n')
    assert folder.run("dev", "create", "small").code == 0
    toml = folder.path / "penstock.toml"
    toml.write_text(toml.read_text().replace('name = "test"', 'name = "another"'))
    for command in (["refresh", "small"], ["drop", "small", "--yes"]):
        refused = folder.run("dev", *command)
        assert refused.code == 4
        assert "belongs to [devdb.small] of the project 'test'" in refused.err
    assert folder.made.value("SELECT count(*) FROM t") == 1


def test_what_developers_made_is_listed_before_a_refresh_and_as_lost_after_it(made: Folder) -> None:
    made.made.execute("CREATE TABLE mine (i int)", "ALTER TABLE orders ADD COLUMN mine int")
    done = made.run("dev", "refresh", "small", "--json")
    assert done.code == 0, done.err
    assert done.json["lost"] == ["table public.mine", "table column public.orders.mine (new)"]
    assert "made by developers, lost by the refresh: table public.mine\n" in done.err
    assert "to keep it: penstock dev reset small --keep-extra\n" in done.err
    made.made.execute("CREATE TABLE mine (i int)")
    assert "  lost: table public.mine\n" in made.run("dev", "refresh", "small").out
    again = made.run("dev", "refresh", "small")
    assert again.code == 0
    assert "lost" not in again.out + again.err

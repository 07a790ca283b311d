"""Settings that a superuser made on a copy, under a role that is none: they do not make a reset fail at its end."""

from __future__ import annotations

from tests.devdb.conftest import Folder, MakeRole


def test_settings_our_role_may_not_put_back_are_told_and_the_others_stay(
    folder: Folder, make_role: MakeRole
) -> None:
    (role, password), (ann, _) = make_role("CREATEDB CREATEROLE"), make_role("SUPERUSER")
    folder.log_in_as("dev", role, password)
    assert folder.run("dev", "create", "small").code == 0
    name, server = folder.database, folder.target.maintenance

    def settle() -> None:
        server.execute(
            f"ALTER DATABASE {name} SET work_mem = '7MB'",
            f"ALTER DATABASE {name} SET log_min_duration_statement = 0",
            f"ALTER ROLE {ann} IN DATABASE {name} SET statement_timeout = '9s'",
            f"ALTER ROLE {ann} IN DATABASE {name} SET app.token = 'sesame'",
        )

    lost = [
        f"ALTER DATABASE {name} SET log_min_duration_statement = '0';",
        f"ALTER ROLE {ann} IN DATABASE {name} SET \"app.token\" = '…';",
        f"ALTER ROLE {ann} IN DATABASE {name} SET statement_timeout = '9s';",
    ]
    for command, key in ((["refresh"], "lost"), (["reset", "--yes", "--grace", "0s"], "notes")):
        settle()
        done = folder.run("dev", command[0], "small", *command[1:], "--json")
        assert done.code == 0, done.err
        assert sorted(text.partition(": ")[2] for text in done.json[key]) == lost
        assert all(text in done.err for text in lost)
        assert "sesame" not in done.out + done.err
        assert folder.made.value("SHOW work_mem") == "7MB"

"""Builds the demo's production database and the two users who go there: one may only read, one makes databases."""

from __future__ import annotations

from importlib.resources import files

from penstock.cli.demo.home import DEVELOPER, PRODUCTION, READER, DemoHome
from penstock.engines.postgres.embedded import EmbeddedServer
from penstock.engines.postgres.session import Session

PARTS = ("1_schema.sql", "2_rows.sql", "3_rules.sql")
_DRAFT = f"{PRODUCTION}_unfinished"


def shop_script(part: str) -> str:
    """One of the scripts that make the shop, as SQL."""
    return files("penstock.cli.demo").joinpath("shop", part).read_text(encoding="utf-8")


def build_shop(home: DemoHome, server: EmbeddedServer) -> bool:
    """Make the production database where it is not there yet; whether it was made now.

    It gets its name last, so an interrupted start leaves no half shop behind.
    """
    with Session.open(home.connection(server, server.user, "postgres", "target"), read_only=False) as session:
        if session.fetchval("SELECT true FROM pg_database WHERE datname = $1", PRODUCTION):
            return False
        for user, attributes in ((READER, "IN ROLE pg_read_all_data"), (DEVELOPER, "CREATEDB")):
            if not session.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", user):
                session.execute(f"CREATE ROLE {user} LOGIN {attributes}")
            # Passwords of the demo consist of letters, digits, - and _ (secrets.token_urlsafe).
            session.execute(f"ALTER ROLE {user} PASSWORD '{home.secret(user).reveal()}'")
        session.execute(f"DROP DATABASE IF EXISTS {_DRAFT} WITH (FORCE)")
        session.execute(f"CREATE DATABASE {_DRAFT} TEMPLATE template0")
        with Session.open(home.connection(server, server.user, _DRAFT, "target"), read_only=False) as shop:
            for part in PARTS:
                shop.execute(shop_script(part), doing="building the demo's shop")
        session.execute(f"ALTER DATABASE {_DRAFT} RENAME TO {PRODUCTION}")
    return True

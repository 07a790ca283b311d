"""A shop whose copying stops where a test wants it to, without any hook in the product.

A function of the source's own waits where the copy is built: in a domain's CHECK while rows arrive, in an index expression
after that, in a materialised view at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.devdb.conftest import Folder
from tests.devdb.processes import looking, wait_until
from tests.devdb.small_shop import MASKS, PERSONAL, SHOP

INTERRUPTED = 130


SLOW_SHOP = (
    r"""
-- Where a copy is built, waits as long as a test holds the stage; everybody sees all sessions of the server.
CREATE FUNCTION public.held(stage text, value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    WHILE (pg_catalog.current_database() LIKE '%\_\_penstock\_%'
           OR pg_catalog.current_setting('application_name') LIKE 'penstock dev %') AND EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = 'hold ' || stage
    ) LOOP
        PERFORM pg_catalog.pg_sleep(0.02);
        PERFORM pg_catalog.pg_stat_clear_snapshot();
    END LOOP;
    RETURN true;
END $$;
CREATE DOMAIN public.slow AS text CHECK (public.held('rows', VALUE));
"""
    + SHOP
    + """
CREATE TABLE public.visit (id int PRIMARY KEY, customer_id int REFERENCES public.customer, page public.slow);
INSERT INTO public.visit SELECT n, 1 + n % 5, '/page' FROM generate_series(1, 10) n;
CREATE INDEX visit_page ON public.visit (public.held('indexes', page));
CREATE MATERIALIZED VIEW public.pages AS SELECT page FROM public.visit WHERE public.held('statistics', page);
"""
)


SLOW_MASKS = MASKS + '[public.visit]\npage = "keep"\n'


# What the target's server is doing for us when a held stage has been reached; databases() has no hold.
STAGES = {
    "databases": "SELECT count(*) FROM pg_database WHERE datname LIKE $1",
    "rows": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'copy%visit%'",
    "indexes": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE '%create index visit_page%'",
    "statistics": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'refresh mat%'",
}


@contextmanager
def held(folder: Folder, stage: str) -> Iterator[None]:
    """While inside, no build on the target's server gets past the stage."""
    with looking(folder.target.maintenance, f"hold {stage}"):
        yield


def assert_clear(said: str) -> None:
    assert "error: " in said
    assert "Traceback" not in said
    assert "did not foresee" not in said
    for value in PERSONAL:
        assert value not in said


def assert_next_run_is_clean(folder: Folder, command: str = "create") -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run("dev", command, "small")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database]
    assert folder.made.value("SELECT count(*) FROM public.customer") == 5


def unlocked(folder: Folder) -> bool:
    """Whether the server has noticed the end of a killed client."""
    return not folder.target.maintenance.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")


def drop_the_source_connection(folder: Folder) -> None:
    folder.source.server.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", folder.source.name
    )


def drop_all_connections(folder: Folder) -> None:
    folder.target.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock dev%'"
    )

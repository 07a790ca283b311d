"""Whatever hangs on a table hangs on it after a prune: the dump of the schema is the same, and none of it fired."""

from __future__ import annotations

import re
import subprocess

import pytest

from penstock.devdb.config import DeleteSettings, DevdbSettings, EdgeSettings
from penstock.engines.postgres.clients import find_client_tools
from tests.conftest import MakeDatabase
from tests.devdb.prune.pruning import copied, pruned
from tests.servers import Database

OBJECTS = """
CREATE TABLE owner (id int PRIMARY KEY, name text);
CREATE TABLE fired (what text);
CREATE TABLE thing (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id int CONSTRAINT "the owner" REFERENCES owner ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
    follows bigint REFERENCES thing,
    label text UNIQUE,
    twice bigint GENERATED ALWAYS AS (owner_id * 2) STORED,
    big text,
    during int4range,
    EXCLUDE USING gist (during WITH &&),
    CHECK (label <> 'no')
);
ALTER TABLE thing ALTER big SET STORAGE EXTERNAL, ALTER big SET STATISTICS 7;
COMMENT ON CONSTRAINT "the owner" ON thing IS 'whose it is';
CREATE INDEX plain ON thing (owner_id) WITH (fillfactor = 80);
CREATE INDEX expressed ON thing (lower(label));
CREATE INDEX partial ON thing (follows) WHERE follows IS NOT NULL;
CREATE UNIQUE INDEX named ON thing (label, owner_id);
COMMENT ON INDEX named IS 'has a comment';
CREATE INDEX ordered ON thing (label);
ALTER TABLE thing CLUSTER ON ordered;
ALTER TABLE thing REPLICA IDENTITY FULL;
CREATE STATISTICS together ON owner_id, label FROM thing;
CREATE VIEW grouped AS SELECT t.*, count(*) OVER () AS n FROM thing t GROUP BY t.id;
CREATE MATERIALIZED VIEW counted AS SELECT owner_id, count(*) AS n FROM thing GROUP BY owner_id;
CREATE MATERIALIZED VIEW recounted AS SELECT sum(n) AS n FROM counted;
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one FROM thing WITH NO DATA;
ALTER TABLE thing ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON thing USING (owner_id = 1);
GRANT SELECT (label) ON thing TO PUBLIC;
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO fired VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER on_row AFTER INSERT OR UPDATE OR DELETE ON thing FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER on_statement AFTER TRUNCATE ON thing EXECUTE FUNCTION fire();
CREATE TRIGGER off_already AFTER DELETE ON thing FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER always AFTER DELETE ON thing FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE thing DISABLE TRIGGER off_already, ENABLE ALWAYS TRIGGER always;
CREATE RULE kept AS ON DELETE TO thing DO INSTEAD NOTHING;
CREATE RULE told AS ON INSERT TO thing DO ALSO INSERT INTO fired VALUES ('rule');
CREATE TABLE log (thing_id bigint NOT NULL REFERENCES thing, at date NOT NULL, text text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 (text text, at date NOT NULL, gone int, thing_id bigint NOT NULL);
ALTER TABLE log_2 DROP COLUMN gone;
ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE INDEX log_thing ON log (thing_id);
CREATE TRIGGER on_log AFTER INSERT OR DELETE ON log FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE bare ();
CREATE TABLE loose (thing_id bigint, FOREIGN KEY (thing_id) REFERENCES thing);
CREATE TABLE part (id int PRIMARY KEY, owner_id int REFERENCES owner) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (100);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200);
CREATE TABLE of_part (part_id int REFERENCES part);
INSERT INTO owner SELECT n, 'owner ' || n FROM generate_series(1, 20) n;
INSERT INTO thing (owner_id, follows, label, big, during)
    SELECT 1 + n % 20, nullif(n - 20, -abs(n - 20)), 'label ' || n, repeat(n::text, 2000), int4range(n, n + 1)
      FROM generate_series(1, 400) n;
UPDATE thing SET follows = NULL WHERE follows <= 0;
INSERT INTO log SELECT 1 + n % 400, date '2026-01-01' + n % 50, 'line ' || n FROM generate_series(1, 2000) n;
INSERT INTO loose SELECT n FROM generate_series(1, 400) n;
INSERT INTO part SELECT n, 1 + n % 20 FROM generate_series(1, 150) n;
INSERT INTO of_part SELECT n FROM generate_series(1, 150) n;
INSERT INTO bare SELECT FROM generate_series(1, 5);
TRUNCATE fired;
REFRESH MATERIALIZED VIEW counted;
REFRESH MATERIALIZED VIEW recounted;
ANALYZE;
"""


def dump(database: Database) -> str:
    done = subprocess.run(
        [str(find_client_tools(database.server.major, database.server.major).pg_dump), "--schema-only"],
        env=database.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # \\restrict carries a random token; keys come in the order of their oids where their names are alike.
    lines = [line for line in done.stdout.splitlines() if not re.match(r"\\(un)?restrict", line)]
    return "\n".join(line for line in lines if not line.startswith("--"))


@pytest.mark.parametrize("way", ["delete", "rewrite"])
@pytest.mark.parametrize("vacuum", ["full", "analyze", "none"])
def test_a_prune_changes_rows_and_nothing_else(way: str, vacuum: str, make_database: MakeDatabase) -> None:
    database = make_database(OBJECTS)
    settings = DevdbSettings(strategy="prune", delete=(DeleteSettings("public.owner", "id > 5"),))
    with copied(database) as copy:
        assert way in pruned(copy, settings, way=way, vacuum=vacuum, jobs=2)
        assert dump(copy) == dump(database)
        assert states(copy) == states(database)
        assert copy.value("SELECT count(*) FROM fired") == 0
        assert copy.value("SELECT count(*) FROM owner") == 5
        assert copy.value("SELECT count(*) FROM bare") == 5
        assert 0 < copy.value("SELECT count(*) FROM thing") < 400
        assert copy.value("SELECT count(*) FROM thing WHERE twice <> owner_id * 2") == 0
        assert copy.value("SELECT count(*) FROM thing WHERE length(big) < 2000") == 0
        assert copy.value("SELECT sum(n) FROM counted") == copy.value("SELECT count(*) FROM thing")
        assert copy.value("SELECT n FROM recounted") == copy.value("SELECT count(*) FROM thing")
        assert copy.rows("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
        assert copy.value("INSERT INTO thing (owner_id) VALUES (1) RETURNING id") == 401


def states(database: Database) -> list[tuple[object, ...]]:
    """What a dump does not say of every object: the marks of indexes, whether views are filled, constraints hold."""
    return database.rows(
        "SELECT indexrelid::regclass::text, indisclustered::text, indisreplident::text FROM pg_index "
        "WHERE indrelid >= 16384 AND indrelid::regclass::text NOT LIKE 'pg_toast%' "
        "UNION ALL SELECT relname::text, relispopulated::text, '' FROM pg_class WHERE relkind = 'm' "
        "UNION ALL SELECT conrelid::regclass::text, convalidated::text, confrelid::regclass::text FROM pg_constraint "
        "WHERE contype = 'f' "
        "ORDER BY 1, 2, 3"
    )


UNPROVEN = """
CREATE TABLE tenant (id int PRIMARY KEY);
CREATE TABLE old (id int PRIMARY KEY, tenant int REFERENCES tenant, q int);
CREATE TABLE base (id int, tenant int REFERENCES tenant, q int);
CREATE TABLE heir (more text, CONSTRAINT shared CHECK (q < 9), FOREIGN KEY (tenant) REFERENCES tenant) INHERITS (base);
CREATE TABLE part (id int, tenant int REFERENCES tenant, q int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (500);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (500) TO (2000);
INSERT INTO tenant VALUES (1), (2);
INSERT INTO old SELECT n, 1 + n % 2, n % 20 FROM generate_series(1, 1000) n;
INSERT INTO base SELECT n, 1 + n % 2, n % 20 FROM generate_series(1, 1000) n;
INSERT INTO part SELECT n, 1 + n % 2, n % CASE WHEN n < 500 THEN 9 ELSE 20 END FROM generate_series(1, 1000) n;
INSERT INTO heir SELECT n, 1 + n % 2, n % 9 FROM generate_series(1, 1000) n;
ALTER TABLE old ADD CONSTRAINT "below nine" CHECK (q < 9) NOT VALID, ADD CONSTRAINT fine CHECK (q < 99);
COMMENT ON CONSTRAINT "below nine" ON old IS 'since 2020';
ALTER TABLE ONLY base ADD CONSTRAINT own CHECK (q < 9) NO INHERIT NOT VALID;
ALTER TABLE base ADD CONSTRAINT shared CHECK (q < 9) NOT VALID;
ALTER TABLE part ADD CONSTRAINT low CHECK (q < 9) NOT VALID;
ALTER TABLE part_2 ADD CONSTRAINT mine CHECK (q < 8) NOT VALID;
ALTER TABLE part_1 VALIDATE CONSTRAINT low;
COMMENT ON CONSTRAINT low ON part_1 IS 'looked at';
"""
SINCE_18 = """
UPDATE old SET q = NULL WHERE q = 12;
ALTER TABLE old ADD CONSTRAINT there NOT NULL q NOT VALID;
COMMENT ON CONSTRAINT there ON old IS 'new';
ALTER TABLE old ADD CONSTRAINT never CHECK (q < 1) NOT ENFORCED;
UPDATE part SET q = NULL WHERE q = 12;
ALTER TABLE part ADD CONSTRAINT all_there NOT NULL q NOT VALID;
"""
PROVEN = """
SELECT conrelid::regclass::text, conname::text, convalidated, conislocal, coninhcount::int, connoinherit,
       obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE contype IN ('c', 'n') ORDER BY 1, 2
"""


@pytest.mark.parametrize("way", ["delete", "rewrite", "cut"])
def test_rows_that_break_a_constraint_which_is_not_valid_stay(way: str, make_database: MakeDatabase) -> None:
    database = make_database(UNPROVEN)
    if database.server.major >= 18:
        database.execute(SINCE_18)
    deletes = (
        (DeleteSettings("public.tenant", "id = 2"),)
        if way == "cut"
        else tuple(
            DeleteSettings(f"public.{table}", "id % 10 = 3") for table in ("old", "base", "heir", "part")
        )
    )
    edges = tuple(
        EdgeSettings(f"public.{table}.tenant", "public.tenant.id", cut=True)
        for table in ("old", "base", "heir", "part")
    )
    settings = DevdbSettings(strategy="prune", delete=deletes, edge=edges if way == "cut" else ())
    tables = ("old", "base", "heir", "part")

    def breaking(one: Database) -> list[object]:
        return [one.value(f"SELECT count(*) FROM {t} WHERE (q >= 9) AND id % 10 <> 3") for t in tables]

    with copied(database) as copy:
        pruned(copy, settings, way=None if way == "cut" else way)
        assert breaking(copy) == breaking(database)
        assert dump(copy) == dump(database)
        assert copy.rows(PROVEN) == database.rows(PROVEN)

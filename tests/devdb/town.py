"""A town with a bit of everything a scrub meets on its way, and what is to be the same before and after it."""

from __future__ import annotations

from tests.devdb.small_shop import rows
from tests.servers import Database

TOWN = """
CREATE FUNCTION public.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger fired'; END $$;
-- a key that is masked, in its table, in one that references it, in itself, and without a declared key
CREATE TABLE public.person (
    mail text PRIMARY KEY, boss text REFERENCES public.person, name text NOT NULL, words tsvector,
    shout text GENERATED ALWAYS AS (upper(name)) STORED
);
CREATE TRIGGER person_words BEFORE INSERT OR UPDATE ON public.person FOR EACH ROW
    EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', name);
CREATE TRIGGER person_never AFTER INSERT OR DELETE ON public.person FOR EACH ROW EXECUTE FUNCTION public.never();
CREATE TRIGGER person_truncate BEFORE TRUNCATE ON public.person EXECUTE FUNCTION public.never();
CREATE TABLE public.number (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text NOT NULL REFERENCES public.person ON DELETE CASCADE DEFERRABLE,
    ring int NOT NULL DEFAULT 1
);
COMMENT ON CONSTRAINT number_mail_fkey ON public.number IS 'whose it is';
CREATE TABLE public.visit (number_id bigint NOT NULL, who text NOT NULL, seen date NOT NULL) PARTITION BY HASH (who);
CREATE TABLE public.visit_0 PARTITION OF public.visit FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.visit_1 PARTITION OF public.visit FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE public.visit ADD CONSTRAINT visit_number FOREIGN KEY (number_id) REFERENCES public.number;
CREATE TRIGGER visit_never AFTER INSERT ON public.visit FOR EACH ROW EXECUTE FUNCTION public.never();
CREATE TABLE public.paper (title text NOT NULL, body text);
CREATE TABLE public.letter (sent timestamptz) INHERITS (public.paper);
ALTER TABLE public.letter ADD mail text;
CREATE TABLE public.place (id int PRIMARY KEY, label text NOT NULL);
CREATE TABLE public.lost (id int PRIMARY KEY, mail text);
CREATE MATERIALIZED VIEW public.names AS SELECT name FROM public.person;
CREATE UNIQUE INDEX names_name ON public.names (name);
CREATE MATERIALIZED VIEW public.lengths AS SELECT length(name) AS n FROM public.names;
CREATE MATERIALIZED VIEW public.unfilled AS SELECT name FROM public.person WITH NO DATA;
CREATE VIEW public.rings AS SELECT mail, count(*) AS rings FROM public.number GROUP BY mail;
ALTER TABLE public.person DISABLE TRIGGER person_never;
ALTER TABLE public.person DISABLE TRIGGER person_truncate;
ALTER TABLE public.visit DISABLE TRIGGER visit_never;
INSERT INTO public.person (mail, boss, name)
    SELECT 'zebquart' || n || '@town.test', CASE WHEN n > 1 THEN 'zebquart' || n / 2 || '@town.test' END,
           'Zebulon Quartermaine ' || n FROM generate_series(1, 60) n;
INSERT INTO public.number (mail) SELECT 'zebquart' || 1 + n % 60 || '@town.test' FROM generate_series(1, 200) n;
INSERT INTO public.visit SELECT 1 + n % 200, 'Quartermaine, guest ' || n, date '2024-01-01' + n FROM generate_series(1, 300) n;
INSERT INTO public.paper SELECT 'paper ' || n, 'signed: Zebulon Quartermaine ' || n FROM generate_series(1, 20) n;
INSERT INTO public.letter SELECT 'letter ' || n, 'Dear Quartermaine ' || n, '2024-05-06 07:08:09+00', 'zebquart' || n || '@town.test'
    FROM generate_series(1, 20) n;
INSERT INTO public.place SELECT n, 'corner ' || n FROM generate_series(1, 5) n;
INSERT INTO public.lost SELECT n, CASE WHEN n < 4 THEN 'nobody' || n || '@town.test' ELSE 'zebquart' || n || '@town.test' END
    FROM generate_series(1, 10) n;
CREATE RULE lost_also AS ON INSERT TO public.lost DO ALSO INSERT INTO public.place SELECT max(id) + 1, 'by a rule' FROM public.place;
ALTER TABLE public.lost ADD CONSTRAINT lost_mail FOREIGN KEY (mail) REFERENCES public.person NOT VALID;
REFRESH MATERIALIZED VIEW public.names;
REFRESH MATERIALIZED VIEW public.lengths;
ALTER TABLE public.person ENABLE ALWAYS TRIGGER person_never;
ALTER TABLE public.person ENABLE TRIGGER person_truncate;
ALTER TABLE public.visit ENABLE TRIGGER visit_never;
ALTER TABLE public.visit_1 DISABLE TRIGGER visit_never;
ALTER TABLE public.place ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON public.place USING (true);
ALTER TABLE public.lost ADD looked_for boolean NOT NULL DEFAULT true;
GRANT SELECT ON public.person TO PUBLIC;
ANALYZE;
"""

TOWN_MASKS = """
[public.person]
mail = "email"
name = "text"
[public.number]
[public.visit]
who = "text"
seen = "date_shift"
[public.paper]
title = "keep"
body = "text"
[public.letter]
mail = "email"
[public.place]
label = "keep"
"""


def outside(database: Database) -> dict[str, object]:
    """Everything about the town but its rows: what a scrub leaves as it was."""
    definition = database.rows(
        """
        SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
          FROM pg_constraint WHERE conparentid = 0 AND connamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid), tgenabled::text
          FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'rule', ev_class::regclass::text, rulename::text, pg_get_ruledef(oid), ev_enabled::text
          FROM pg_rewrite WHERE ev_type <> '1'
        UNION ALL SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'relation', oid::regclass::text, oid::text, relkind::text, relacl::text || relispopulated
          FROM pg_class WHERE relnamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3
        """
    )
    database_itself = database.rows(
        "SELECT coalesce(datacl, acldefault('d', datdba))::text, shobj_description(oid, 'pg_database') FROM pg_database "
        "WHERE datname = current_database()"
    )
    return {"definitions": definition, "database": database_itself}


def inside(database: Database) -> dict[str, object]:
    """Every row of it, and where the sequence is."""
    views = {
        name: database.rows(f"SELECT * FROM public.{name} ORDER BY 1")
        for name in ("names", "lengths", "rings")
    }
    partitions = {
        f"only {name}": database.value(f"SELECT count(*) FROM ONLY public.{name}")
        for name in ("visit_0", "visit_1", "paper")
    }
    return {
        **rows(database),
        **views,
        **partitions,
        "next": database.rows("SELECT last_value, is_called FROM public.number_id_seq"),
    }

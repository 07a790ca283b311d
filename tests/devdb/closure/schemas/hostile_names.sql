CREATE SCHEMA "a.b";
CREATE SCHEMA "it's ""quoted""";
CREATE TABLE "select" ("child" int PRIMARY KEY, "parent" int REFERENCES "select");
CREATE TABLE "it's ""quoted"""."100% {größe}
second line" ("order" int PRIMARY KEY, "select" int REFERENCES "select" ("child"));
CREATE TABLE "a.b"."ein_sehr_langer_name_der_genau_dreiundsechzig_bytes_lang_ist_abc" (
    "id" int PRIMARY KEY, "a""b" int REFERENCES "it's ""quoted"""."100% {größe}
second line");
CREATE TABLE "a.b"."select" (id int PRIMARY KEY, "parent" int REFERENCES public."select");
INSERT INTO "select" VALUES (1, NULL), (2, 1), (3, NULL);
INSERT INTO "it's ""quoted"""."100% {größe}
second line" VALUES (7, 2), (8, 3);
INSERT INTO "a.b"."ein_sehr_langer_name_der_genau_dreiundsechzig_bytes_lang_ist_abc" VALUES (70, 7), (80, 8);
INSERT INTO "a.b"."select" VALUES (1, 3), (2, 2);

CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE town (name text COLLATE anycase PRIMARY KEY);
CREATE TABLE street (id int PRIMARY KEY, town text COLLATE "C" REFERENCES town);
INSERT INTO town VALUES ('Ulm'), ('Bonn');
INSERT INTO street VALUES (1, 'ULM'), (2, 'bonn');

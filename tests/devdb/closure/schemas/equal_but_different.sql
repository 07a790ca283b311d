-- Keys that are equal under their operator, and written differently.
CREATE TABLE price (amount numeric PRIMARY KEY);
CREATE TABLE offer (id int PRIMARY KEY, amount numeric REFERENCES price);
INSERT INTO price VALUES (1.500), (2);
INSERT INTO offer VALUES (1, 1.5), (2, 2.00);
CREATE TABLE unit (code char(8) PRIMARY KEY);
CREATE TABLE part (id int PRIMARY KEY, code char(5) REFERENCES unit);
INSERT INTO unit VALUES ('kg'), ('m');
INSERT INTO part VALUES (1, 'kg'), (2, 'm');
CREATE TABLE big (id bigint PRIMARY KEY);
CREATE TABLE small (id int PRIMARY KEY, big_id smallint REFERENCES big);
INSERT INTO big VALUES (1), (2);
INSERT INTO small VALUES (1, 2);
CREATE TABLE day (at timestamptz PRIMARY KEY);
CREATE TABLE entry (id int PRIMARY KEY, at timestamptz REFERENCES day);
INSERT INTO day VALUES ('2020-01-01 00:00+00'), ('2020-01-02 00:00+00');
INSERT INTO entry VALUES (1, '2020-01-01 01:00+01');

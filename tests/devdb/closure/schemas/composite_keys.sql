-- The foreign key names its columns in another order than the primary key.
CREATE TABLE place (region int, number int, name text, PRIMARY KEY (region, number));
CREATE TABLE visit (id int PRIMARY KEY, num int, reg int, FOREIGN KEY (num, reg) REFERENCES place (number, region));
INSERT INTO place VALUES (1, 2, 'one-two'), (2, 1, 'two-one'), (3, 3, 'three');
INSERT INTO visit VALUES (1, 2, 1), (2, 3, 3);
-- Partially NULL keys.
CREATE TABLE lax (id int PRIMARY KEY, reg int, num int, FOREIGN KEY (reg, num) REFERENCES place);
INSERT INTO lax VALUES (1, 1, 2), (2, 2, NULL), (3, NULL, 1), (4, NULL, NULL), (5, NULL, 77);
CREATE TABLE strict (id int PRIMARY KEY, reg int, num int, FOREIGN KEY (reg, num) REFERENCES place MATCH FULL);
INSERT INTO strict VALUES (1, 2, 1), (2, NULL, NULL);

-- a and b reference each other, b and c reference each other: one component, two cycles.
CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int, c_id int);
CREATE TABLE c (id int PRIMARY KEY, b_id int);
INSERT INTO a VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO b VALUES (1, 2, 1), (2, 1, NULL), (3, 3, 3);
INSERT INTO c VALUES (1, 2), (2, 1), (3, 3);
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;
ALTER TABLE b ADD FOREIGN KEY (a_id) REFERENCES a, ADD FOREIGN KEY (c_id) REFERENCES c;
ALTER TABLE c ADD FOREIGN KEY (b_id) REFERENCES b;

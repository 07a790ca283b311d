CREATE TABLE parent (id int PRIMARY KEY, other int, UNIQUE (id, other));
CREATE TABLE child (id int PRIMARY KEY, parent_id int, other int);
INSERT INTO parent VALUES (1, 1);
INSERT INTO child VALUES (1, 1, NULL), (2, 99, NULL), (3, NULL, NULL), (4, NULL, 5);
ALTER TABLE child ADD CONSTRAINT broken FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
ALTER TABLE child ADD CONSTRAINT half FOREIGN KEY (parent_id, other) REFERENCES parent (id, other) MATCH FULL NOT VALID;

-- A foreign key to a UNIQUE column that is not the primary key; two foreign keys to one parent.
CREATE TABLE currency (id int PRIMARY KEY, code text UNIQUE NOT NULL);
CREATE TABLE account (id int PRIMARY KEY, currency text REFERENCES currency (code));
CREATE TABLE transfer (id int PRIMARY KEY, from_id int NOT NULL REFERENCES account, to_id int NOT NULL REFERENCES account);
INSERT INTO currency VALUES (10, 'EUR'), (20, 'CHF'), (30, 'SEK');
INSERT INTO account VALUES (1, 'EUR'), (2, 'CHF'), (3, 'EUR'), (4, 'SEK');
INSERT INTO transfer VALUES (1, 1, 2), (2, 3, 1), (3, 2, 3), (4, 4, 4);

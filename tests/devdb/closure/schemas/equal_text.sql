CREATE EXTENSION citext;
CREATE TABLE login (name citext PRIMARY KEY);
CREATE TABLE session (id int PRIMARY KEY, name citext REFERENCES login);
INSERT INTO login VALUES ('Ada'), ('Bob');
INSERT INTO session VALUES (1, 'ADA'), (2, 'bob');

CREATE TABLE person (id int PRIMARY KEY);
CREATE TABLE event (person_id int REFERENCES person, what text);
INSERT INTO person VALUES (1), (2);
INSERT INTO event VALUES (1, 'login'), (1, 'login'), (2, 'login'), (1, 'logout'), (NULL, 'boot');

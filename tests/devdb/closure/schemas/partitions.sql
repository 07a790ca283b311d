CREATE TABLE customer (id int PRIMARY KEY);
-- Partitioned parent, with a partition that has partitions.
CREATE TABLE orders (id int, year int, customer_id int REFERENCES customer, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE orders_2020 PARTITION OF orders FOR VALUES IN (2020);
CREATE TABLE orders_2021 PARTITION OF orders FOR VALUES IN (2021) PARTITION BY RANGE (id);
CREATE TABLE orders_2021_low PARTITION OF orders_2021 FOR VALUES FROM (0) TO (100);
CREATE TABLE orders_2021_high PARTITION OF orders_2021 FOR VALUES FROM (100) TO (1000);
-- Partitioned child of it.
CREATE TABLE line (id int, order_id int, year int, FOREIGN KEY (order_id, year) REFERENCES orders) PARTITION BY HASH (id);
CREATE TABLE line_0 PARTITION OF line FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE line_1 PARTITION OF line FOR VALUES WITH (MODULUS 2, REMAINDER 1);
-- A foreign key to one partition, and one declared on one partition only.
CREATE TABLE note (id int PRIMARY KEY, order_id int, year int, FOREIGN KEY (order_id, year) REFERENCES orders_2020);
CREATE TABLE warehouse (id int PRIMARY KEY);
ALTER TABLE orders ADD warehouse_id int;
ALTER TABLE orders_2020 ADD FOREIGN KEY (warehouse_id) REFERENCES warehouse;
INSERT INTO customer VALUES (1), (2);
INSERT INTO warehouse VALUES (1), (2);
INSERT INTO orders VALUES (1, 2020, 1, 1), (2, 2020, 2, 2), (1, 2021, 1, 2), (500, 2021, 1, 99), (3, 2021, 2, NULL);
INSERT INTO line SELECT n, (ARRAY[1, 2, 1, 500, 3])[1 + n % 5], (ARRAY[2020, 2020, 2021, 2021, 2021])[1 + n % 5]
    FROM generate_series(0, 19) n;
INSERT INTO note VALUES (1, 1, 2020), (2, 2, 2020);

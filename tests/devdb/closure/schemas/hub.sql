-- Customer 1 owns 900 of 1,000 orders. Orders arrive in another order than that of their keys.
CREATE TABLE customer (id int PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer);
CREATE TABLE line (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders);
INSERT INTO customer SELECT generate_series(1, 11);
INSERT INTO orders SELECT n, CASE WHEN n % 10 > 0 THEN 1 ELSE 2 + (n / 10) % 10 END
    FROM generate_series(1, 1000) n ORDER BY md5(n::text);
INSERT INTO line SELECT n, 1 + n % 1000 FROM generate_series(0, 1999) n;
ANALYZE;

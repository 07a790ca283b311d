-- What the shop's programs rely on beyond tables and keys. Made after the rows, so that loading fires no trigger.

CREATE INDEX ON addresses (customer_id);
CREATE INDEX ON devices (customer_id);
CREATE INDEX ON orders (customer_id, placed_at);
CREATE INDEX ON order_lines (product_id);
CREATE INDEX ON payments (order_id);
CREATE INDEX ON notes USING gin (search);
CREATE INDEX ON products USING gin (search);
CREATE INDEX ON audit.changes (table_name, row_id);
CREATE UNIQUE INDEX customers_email_lower ON customers (lower(email));
CREATE UNIQUE INDEX addresses_one_home ON addresses (customer_id) WHERE kind = 'home';

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER customers_touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE FUNCTION audit.record_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.changes (table_name, row_id, action, old_row, new_row)
    VALUES ('customers', NEW.customer_id, 'update', to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;

CREATE TRIGGER customers_audit AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION audit.record_customer();

CREATE VIEW customer_overview AS
SELECT customer_id, full_name, email, home_country, count(order_id) AS orders, max(placed_at) AS last_order
FROM customers LEFT JOIN orders USING (customer_id)
GROUP BY customer_id;

CREATE VIEW revenue_by_month AS
SELECT date_trunc('month', paid_at) AS month, method, sum(amount) AS revenue
FROM payments
GROUP BY 1, 2;

CREATE FUNCTION category_path(wanted integer) RETURNS text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up AS (
        SELECT parent_id, name, 1 AS step FROM categories WHERE category_id = wanted
        UNION ALL
        SELECT parent.parent_id, parent.name, step + 1 FROM up JOIN categories AS parent ON parent.category_id = up.parent_id
    )
    SELECT string_agg(name, ' / ' ORDER BY step DESC) FROM up
$$;

ANALYZE;

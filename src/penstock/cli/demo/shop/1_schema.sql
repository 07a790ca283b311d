-- Fjord & Field, an outdoor shop: the production database of the demo.
-- Everybody in it is made up. It has what real shops have and what makes copying them hard: people all over the place
-- (in JSON, in free text, in file paths), two tables that need each other, trees, keys of several columns, partitions.

CREATE SCHEMA audit;

CREATE TYPE customer_status AS ENUM ('active', 'dormant', 'blocked');
CREATE TYPE address_kind AS ENUM ('home', 'work', 'parcel station');
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'returned', 'cancelled');
CREATE TYPE payment_method AS ENUM ('card', 'direct debit', 'invoice', 'voucher');
CREATE TYPE file_location AS (bucket text, path text, region text);

CREATE DOMAIN email_address AS text CHECK (VALUE ~ '^[^@\s]+@[^@\s]+\.[a-z]+$');
CREATE DOMAIN amount AS numeric(12, 2) CHECK (VALUE >= 0);

-- Nomenclature -------------------------------------------------------------------------------------------------------

CREATE TABLE currencies (
    currency_code char(3) PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    decimals      smallint NOT NULL
);

CREATE TABLE countries (
    country_code  char(2) PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    currency_code char(3) NOT NULL REFERENCES currencies,
    dialling_code text NOT NULL
);

-- The shop itself ----------------------------------------------------------------------------------------------------

CREATE TABLE stores (
    store_id     integer PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    street       text NOT NULL,
    postal_code  text NOT NULL,
    city         text NOT NULL,
    country_code char(2) NOT NULL REFERENCES countries,
    manager_id   integer NOT NULL   -- every store has a manager, every employee a store
);

CREATE TABLE employees (
    employee_id integer PRIMARY KEY,
    store_id    integer NOT NULL REFERENCES stores,
    reports_to  integer REFERENCES employees,
    first_name  text NOT NULL,
    last_name   text NOT NULL,
    email       email_address NOT NULL UNIQUE,
    phone       text,
    hired_on    date NOT NULL
);

ALTER TABLE stores ADD CONSTRAINT stores_manager_id_fkey
    FOREIGN KEY (manager_id) REFERENCES employees DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE categories (
    category_id integer PRIMARY KEY,
    parent_id   integer REFERENCES categories,
    name        text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (parent_id, name)
);

CREATE TABLE products (
    product_id    integer PRIMARY KEY,
    sku           varchar(9) NOT NULL UNIQUE CHECK (sku ~ '^[A-Z]{3}-[0-9]{5}$'),
    name          text NOT NULL,
    description   text,
    category_id   integer NOT NULL REFERENCES categories,
    price         amount NOT NULL CHECK (price > 0),
    currency_code char(3) NOT NULL DEFAULT 'EUR' REFERENCES currencies,
    attributes    jsonb NOT NULL DEFAULT '{}',
    search        tsvector GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || coalesce(description, ''))) STORED
);

-- People -------------------------------------------------------------------------------------------------------------

CREATE TABLE customers (
    customer_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id         uuid NOT NULL UNIQUE,
    first_name        text NOT NULL,
    last_name         text NOT NULL,
    full_name         text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED,
    email             email_address NOT NULL UNIQUE,
    other_emails      text[] NOT NULL DEFAULT '{}',
    phone             text,
    birthday          date CHECK (birthday > '1900-01-01'),
    company           text,
    tax_id            text UNIQUE,
    iban              varchar(34),
    status            customer_status NOT NULL DEFAULT 'active',
    home_country      char(2) NOT NULL REFERENCES countries,
    preferred_store   integer REFERENCES stores,
    referred_by       bigint REFERENCES customers,
    signup_ip         inet,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE customers IS 'Everyone who ever opened an account.';
COMMENT ON COLUMN customers.tax_id IS 'National tax number, kept for invoices to traders.';

CREATE TABLE addresses (
    address_id   bigint PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    kind         address_kind NOT NULL,
    recipient    text NOT NULL,
    street       text NOT NULL,
    postal_code  text NOT NULL,
    city         text NOT NULL,
    country_code char(2) NOT NULL REFERENCES countries,
    UNIQUE (customer_id, address_id)
);

CREATE TABLE devices (
    device_id   uuid PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    kind        text NOT NULL CHECK (kind IN ('phone', 'tablet', 'computer')),
    mac         macaddr,
    last_ips    inet[] NOT NULL DEFAULT '{}',
    user_agent  text NOT NULL,
    push_token  text,
    last_seen   timestamptz
);

CREATE TABLE newsletter (
    email         email_address PRIMARY KEY REFERENCES customers (email) ON UPDATE CASCADE,
    topics        text[] NOT NULL,
    subscribed_on date NOT NULL
);

-- Business -----------------------------------------------------------------------------------------------------------

CREATE SEQUENCE invoice_number;

CREATE TABLE orders (
    order_id            bigint PRIMARY KEY,
    customer_id         bigint NOT NULL REFERENCES customers,
    shipping_address_id bigint NOT NULL,
    billing_address_id  bigint,
    store_id            integer REFERENCES stores,
    status              order_status NOT NULL,
    currency_code       char(3) NOT NULL REFERENCES currencies,
    placed_at           timestamptz NOT NULL,
    gift_message        text,
    invoice_number      text NOT NULL UNIQUE DEFAULT 'INV-' || lpad(nextval('invoice_number')::text, 7, '0'),
    invoice             file_location,
    -- An order goes to an address of its own customer.
    FOREIGN KEY (customer_id, shipping_address_id) REFERENCES addresses (customer_id, address_id),
    FOREIGN KEY (customer_id, billing_address_id) REFERENCES addresses (customer_id, address_id)
);

CREATE TABLE order_lines (
    order_id   bigint NOT NULL REFERENCES orders,
    line       smallint NOT NULL,
    product_id integer NOT NULL REFERENCES products,
    quantity   smallint NOT NULL CHECK (quantity > 0),
    unit_price amount NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE payments (
    payment_id  bigint NOT NULL,
    order_id    bigint NOT NULL REFERENCES orders,
    paid_at     timestamptz NOT NULL,
    amount      amount NOT NULL,
    method      payment_method NOT NULL,
    card_holder text,
    card_number text CHECK (card_number ~ '^[0-9]{16}$'),
    iban        varchar(34),
    PRIMARY KEY (payment_id, paid_at),
    CHECK ((method = 'card') = (card_number IS NOT NULL))
) PARTITION BY RANGE (paid_at);

CREATE TABLE payments_2024 PARTITION OF payments FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE payments_2025 PARTITION OF payments FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE payments_later PARTITION OF payments DEFAULT;

CREATE TABLE notes (
    note_id     bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    order_id    bigint REFERENCES orders,
    author_id   integer NOT NULL REFERENCES employees,
    written_at  timestamptz NOT NULL,
    body        text NOT NULL,
    search      tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED
);
COMMENT ON COLUMN notes.body IS 'What support wrote down during a call.';

CREATE TABLE audit.changes (
    change_id  bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,   -- with row_id: which row of which table
    row_id     bigint NOT NULL,
    action     text NOT NULL CHECK (action IN ('insert', 'update', 'delete')),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL DEFAULT current_user,
    old_row    jsonb,
    new_row    jsonb,
    context    jsonb
);

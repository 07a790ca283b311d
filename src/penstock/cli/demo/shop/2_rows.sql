-- The rows of the shop. No random(): every value follows from its place by md5, so that the shop is the same everywhere.
SET TimeZone = 'UTC';

-- A number in [0, 1) that depends on what is asked and on the row.
CREATE FUNCTION pg_temp.dice(what text, n bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
    RETURN ('x' || substr(md5('fjord and field 1 ' || what || ' ' || n), 1, 8))::bit(32)::bigint / 4294967296.0;

CREATE FUNCTION pg_temp.whole(what text, n bigint, low bigint, high bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN low + floor(pg_temp.dice(what, n) * (high - low + 1))::bigint;

CREATE FUNCTION pg_temp.pick(what text, n bigint, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN choices[1 + floor(pg_temp.dice(what, n) * cardinality(choices))::integer];

CREATE FUNCTION pg_temp.digits(what text, n bigint, count integer) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN lpad(floor(pg_temp.dice(what, n) * 10 ^ least(count, 9))::bigint::text, least(count, 9), '0')
        || CASE WHEN count > 9
               THEN lpad(floor(pg_temp.dice(what || ' more', n) * 10 ^ (count - 9))::bigint::text, count - 9, '0')
               ELSE '' END;

CREATE FUNCTION pg_temp.moment(what text, n bigint, first timestamptz, last timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE
    RETURN date_trunc('second', first + pg_temp.dice(what, n) * (last - first), 'UTC');

CREATE FUNCTION pg_temp.ascii_only(name text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN regexp_replace(translate(lower(name), 'äöüåøæéèêáàíóúñçłśńžš''', 'aouaoaeeeaaiounclsnzs'), '[^a-z]+', '-', 'g');

-- ISO 13616: the two check digits make the whole, rearranged, 1 modulo 97. 'DE' counts as 1314, 'AT' as 1029.
CREATE FUNCTION pg_temp.iban(country text, account text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN country || lpad((98 - (account || CASE country WHEN 'DE' THEN '1314' ELSE '1029' END || '00')::numeric % 97)::text, 2, '0')
        || account;

-- ISO 7812 (Luhn): from the right every second digit counts double, the sum of all digits ends in 0.
CREATE FUNCTION pg_temp.card(fifteen text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN fifteen || (
        SELECT (10 - sum(CASE WHEN place % 2 = 1 THEN digit * 2 / 10 + digit * 2 % 10 ELSE digit END) % 10) % 10
        FROM (SELECT place, substr(fifteen, place, 1)::integer AS digit FROM generate_series(1, 15) AS place) AS digits
    );

INSERT INTO currencies VALUES
    ('EUR', 'Euro', 2), ('CHF', 'Swiss franc', 2), ('GBP', 'Pound sterling', 2), ('NOK', 'Norwegian krone', 2),
    ('SEK', 'Swedish krona', 2), ('PLN', 'Złoty', 2), ('JPY', 'Yen', 0);

INSERT INTO countries VALUES
    ('DE', 'Germany', 'EUR', '+49'), ('AT', 'Austria', 'EUR', '+43'), ('CH', 'Switzerland', 'CHF', '+41'),
    ('NL', 'Netherlands', 'EUR', '+31'), ('FR', 'France', 'EUR', '+33'), ('NO', 'Norway', 'NOK', '+47'),
    ('SE', 'Sweden', 'SEK', '+46'), ('GB', 'United Kingdom', 'GBP', '+44'), ('PL', 'Poland', 'PLN', '+48'),
    ('JP', 'Japan', 'JPY', '+81');

-- Twelve first and four dozen last names would repeat too soon; these make some 5,000 different people.
CREATE TEMPORARY TABLE first_names AS
    SELECT ordinality - 1 AS place, name FROM unnest(string_to_array(
        'Anna Lena Marie Sophie Hannah Clara Ida Ingrid Astrid Freya Matilda Élodie Chloé Inès Amélie Zofia Agnieszka '
        'Małgorzata Yuki Hana Aiko Noor Fatima Leyla Olivia Grace Charlotte Rosalind Beatrix Wilhelmina Jonas Lukas '
        'Felix Maximilian Björn Søren Lars Håkon Sven Erik Mathieu René François Théo Łukasz Paweł Stanisław Kenji '
        'Haruto Takumi Omar Yusuf Mehmet James Oliver Arthur Alistair Willem Pieter Joost Benedikt Ruben', ' ')) WITH ORDINALITY AS list (name);

CREATE TEMPORARY TABLE last_names AS
    SELECT ordinality - 1 AS place, name FROM unnest(string_to_array(
        'Albrecht Bachmeier Brandstätter Brückner Dietrich Eberhardt Falkenberg Grünwald Haselbacher Hochreiter '
        'Jägerstätter Kaltenbrunner Lindqvist Löwenstein Meierhofer Neugebauer Obermüller Pfeiffenberger Quandt '
        'Rosenkranz Schwarzenbach Steinhäuser Tannenberg Uhlenbrock Vogelsang Wiesenthaler Zimmermann Aamodt Bjørnstad '
        'Christoffersen Dahlgren Fjellheim Gulbrandsen Halvorsen Söderström Nordlund Beaumont Chevalier Delacroix '
        'Fontaine Garnier Lefèvre Moreau Rousseau Kowalczyk Lewandowska Wiśniewski Zieliński Ashworth Blackwood '
        'Cartwright Fairbanks Hathaway O''Sullivan Pemberton Thistlewood Winterbourne Nakamura Takahashi Watanabe '
        'Yamamoto Öztürk Demirci van-der-Meer Rijnsburger Vermeulen', ' ')) WITH ORDINALITY AS list (name);

CREATE TEMPORARY TABLE places (place integer, country_code text, postal_code text, city text, streets text[]);
INSERT INTO places VALUES
    (0, 'DE', '10115', 'Berlin', '{Invalidenstraße,Chausseestraße,Ackerstraße,Torstraße}'),
    (1, 'DE', '20095', 'Hamburg', '{Spitalerstraße,Ferdinandstraße,Alstertor}'),
    (2, 'DE', '80331', 'München', '{Sendlinger Straße,Kreuzstraße,Blumenstraße}'),
    (3, 'DE', '04109', 'Leipzig', '{Ritterstraße,Grimmaische Straße,Nikolaistraße}'),
    (4, 'AT', '1010', 'Wien', '{Wollzeile,Bäckerstraße,Singerstraße}'),
    (5, 'AT', '6020', 'Innsbruck', '{Maria-Theresien-Straße,Anichstraße,Museumstraße}'),
    (6, 'CH', '8001', 'Zürich', '{Rennweg,Niederdorfstrasse,Augustinergasse}'),
    (7, 'NL', '1012 AB', 'Amsterdam', '{Damrak,Spuistraat,Kalverstraat}'),
    (8, 'FR', '69002', 'Lyon', '{Rue Mercière,Rue de la Charité,Quai Tilsitt}'),
    (9, 'NO', '5003', 'Bergen', '{Strandgaten,Øvregaten,Kong Oscars gate}'),
    (10, 'SE', '411 06', 'Göteborg', '{Kungsgatan,Drottninggatan,Magasinsgatan}'),
    (11, 'GB', 'EH1 1RE', 'Edinburgh', '{Cockburn Street,Victoria Street,Candlemaker Row}'),
    (12, 'PL', '31-001', 'Kraków', '{Grodzka,Kanonicza,Bracka}'),
    (13, 'JP', '604-8001', 'Kyoto', '{Kiyamachi-dōri,Sanjō-dōri}');

-- Stores and employees refer to each other: one transaction, checked at its end.
BEGIN;

INSERT INTO stores
SELECT n + 1, 'Fjord & Field ' || city, streets[1] || ' ' || 10 + n, postal_code, city, country_code, n * 4 + 1
FROM (SELECT row_number() OVER (ORDER BY place) - 1 AS n, * FROM places WHERE place IN (0, 2, 4, 6, 9, 11)) AS chosen;

INSERT INTO employees
SELECT
    n + 1, n / 4 + 1, CASE WHEN n = 0 THEN NULL WHEN n % 4 = 0 THEN 1 ELSE n / 4 * 4 + 1 END,
    first.name, last.name,
    pg_temp.ascii_only(first.name) || '.' || pg_temp.ascii_only(last.name) || '@fjord-and-field.example',
    '+49 30 5550' || pg_temp.digits('extension', n, 3),
    date '2015-03-01' + pg_temp.whole('hired', n, 0, 3500)::integer
FROM generate_series(0, 23) AS n
JOIN first_names AS first ON first.place = (n * 7 + 3) % (SELECT count(*) FROM first_names)
JOIN last_names AS last ON last.place = (n * 5 + 2) % (SELECT count(*) FROM last_names);

COMMIT;

INSERT INTO categories VALUES
    (1, NULL, 'Everything'), (2, 1, 'Sleep'), (3, 1, 'Carry'), (4, 1, 'Wear'), (5, 1, 'Cook'),
    (6, 2, 'Tents'), (7, 2, 'Sleeping bags'), (8, 2, 'Mats'), (9, 3, 'Rucksacks'), (10, 3, 'Dry bags'),
    (11, 4, 'Jackets'), (12, 4, 'Boots'), (13, 4, 'Gloves'), (14, 5, 'Stoves'), (15, 5, 'Pots'),
    (16, 6, 'One person'), (17, 6, 'Families'), (18, 11, 'Rain'), (19, 11, 'Down'), (20, 16, 'Ultralight');

INSERT INTO products
SELECT
    n, pg_temp.pick('maker', n, '{NRD,ALP,FJL,TRK,PEK}') || '-' || lpad((n * 37 % 100000)::text, 5, '0'),
    pg_temp.pick('adjective', n, '{Light,Storm,Polar,Summit,Forest,Coast,Granite,Winter}') || ' ' || category.name || ' ' || 100 + n,
    pg_temp.pick('praise', n, '{"Keeps what it promises, whatever the weather.","Packs small and dries fast.","Made to be mended.","Tested on the fjord for two winters."}')
        || ' ' || category.name || ', ' || pg_temp.pick('colour', n, '{moss,slate,ochre,night blue,red}') || '.',
    category.category_id,
    pg_temp.whole('price', n, 12, 640) - 0.05,
    'EUR',
    jsonb_build_object(
        'colour', pg_temp.pick('colour', n, '{moss,slate,ochre,night blue,red}'),
        'weight_g', pg_temp.whole('weight', n, 80, 4200),
        'sizes', CASE WHEN category.category_id IN (11, 12, 13, 18, 19) THEN '["S", "M", "L", "XL"]'::jsonb ELSE '[]' END
    )
FROM generate_series(1, 400) AS n
JOIN categories AS category ON category.category_id = 6 + n % 15;

-- Customers: the first people, then the rows made of them.
CREATE TEMPORARY TABLE people AS
SELECT
    n, first.name AS first_name, replace(last.name, 'van-der-', 'van der ') AS last_name, home.country_code, home.place,
    pg_temp.ascii_only(first.name) || pg_temp.pick('dot', n, '{.,-,_}') || pg_temp.ascii_only(last.name) || n
        || '@' || pg_temp.pick('mail', n, '{inbox.example,post.example,mail.example,letters.example}') AS email,
    CASE home.country_code
        WHEN 'DE' THEN '+49 ' || pg_temp.pick('area', n, '{30,40,89,341,221}') || ' ' || 2 + n % 7 || pg_temp.digits('phone', n, 7)
        WHEN 'AT' THEN '+43 1 ' || 2 + n % 7 || pg_temp.digits('phone', n, 6)
        WHEN 'CH' THEN '+41 44 ' || 2 + n % 7 || pg_temp.digits('phone a', n, 2) || ' ' || pg_temp.digits('phone b', n, 2) || ' ' || pg_temp.digits('phone c', n, 2)
        WHEN 'GB' THEN '+44 131 496 ' || pg_temp.digits('phone', n, 4)
        ELSE (SELECT dialling_code FROM countries WHERE countries.country_code = home.country_code) || ' ' || 2 + n % 7 || pg_temp.digits('phone', n, 8)
    END AS phone,
    CASE WHEN home.country_code = 'DE' THEN pg_temp.iban('DE', pg_temp.pick('bank', n, '{10010010,20050550,70150000,86055592}') || pg_temp.digits('account', n, 10))
         WHEN home.country_code = 'AT' THEN pg_temp.iban('AT', pg_temp.pick('bank', n, '{12000,20111,32000}') || pg_temp.digits('account', n, 11))
    END AS iban,
    pg_temp.moment('created', n, '2024-01-03', '2025-06-30') AS created_at
FROM generate_series(1, 3000) AS n
JOIN first_names AS first ON first.place = pg_temp.whole('first', n, 0, (SELECT count(*) - 1 FROM first_names))
JOIN last_names AS last ON last.place = pg_temp.whole('last', n, 0, (SELECT count(*) - 1 FROM last_names))
JOIN places AS home ON home.place = least(pg_temp.whole('home', n, 0, 13), pg_temp.whole('home again', n, 0, 13));

INSERT INTO customers (
    public_id, first_name, last_name, email, other_emails, phone, birthday, company, tax_id, iban, status, home_country,
    preferred_store, referred_by, signup_ip, created_at, updated_at
)
SELECT
    md5('customer ' || n)::uuid, first_name, last_name, email,
    CASE WHEN n % 9 = 0 THEN ARRAY[pg_temp.ascii_only(last_name) || n || '@office.example'] ELSE '{}' END,
    CASE WHEN n % 17 <> 0 THEN phone END,
    CASE WHEN n % 13 <> 0 THEN date '1946-01-01' + pg_temp.whole('birthday', n, 0, 21900)::integer END,
    CASE WHEN n % 11 = 0 THEN last_name || pg_temp.pick('trade', n, '{" Bergsport"," & Partner"," Outdoor Ltd"," Reisen"}') END,
    CASE WHEN n % 11 = 0 THEN lpad((n * 7919 % 100000)::text, 5, '0') || pg_temp.digits('tax', n, 6) END,
    CASE WHEN n % 3 <> 0 THEN iban END,
    (CASE WHEN n % 29 = 0 THEN 'blocked' WHEN n % 7 = 0 THEN 'dormant' ELSE 'active' END)::customer_status,
    country_code,
    CASE WHEN n % 4 <> 0 THEN pg_temp.whole('store', n, 1, 6) END,
    CASE WHEN n > 50 AND n % 6 = 0 THEN pg_temp.whole('referrer', n, 1, n - 1) END,
    ('198.51.' || 100 + n % 2 || '.' || pg_temp.whole('ip', n, 1, 254))::inet,
    created_at,
    created_at + interval '40 days' * pg_temp.dice('updated', n)
FROM people ORDER BY n;

INSERT INTO addresses
SELECT
    row_number() OVER (ORDER BY n, turn), n,
    (CASE WHEN turn = 1 THEN 'home' ELSE pg_temp.pick('kind', n, '{work,parcel station}') END)::address_kind,
    first_name || ' ' || last_name,
    pg_temp.pick('street', n * 3 + turn, streets) || ' ' || pg_temp.whole('house', n * 3 + turn, 1, 140),
    postal_code, city, people.country_code
FROM people JOIN places USING (place) CROSS JOIN generate_series(1, 2) AS turn
WHERE turn = 1 OR n % 2 = 0;

INSERT INTO devices
SELECT
    md5('device ' || n || ' ' || turn)::uuid, n, kind,
    (substr(md5('mac ' || n || ' ' || turn), 1, 12))::macaddr,
    ARRAY[('203.0.113.' || pg_temp.whole('device ip', n + turn, 1, 254))::inet, ('2001:db8::' || to_hex(n) || ':' || turn)::inet],
    CASE kind
        WHEN 'phone' THEN 'FjordApp/4.' || n % 9 || ' (Android ' || 11 + n % 5 || '; build ' || pg_temp.digits('build', n, 5) || ')'
        WHEN 'tablet' THEN 'FjordApp/4.' || n % 9 || ' (iPadOS 17.' || n % 6 || ')'
        ELSE 'Mozilla/5.0 (X11; Linux x86_64; rv:1' || 10 + n % 30 || '.0) Gecko/20100101 Firefox/1' || 10 + n % 30 || '.0'
    END,
    CASE WHEN kind <> 'computer' THEN md5('push a ' || n || ' ' || turn) || md5('push b ' || n || ' ' || turn) END,
    pg_temp.moment('seen', n * 3 + turn, '2025-07-01', '2025-12-31')
FROM people CROSS JOIN generate_series(1, 2) AS turn
CROSS JOIN LATERAL (SELECT pg_temp.pick('device', n * 3 + turn, '{phone,phone,tablet,computer}') AS kind) AS chosen
WHERE pg_temp.dice('has device', n * 3 + turn) < 0.7;

INSERT INTO newsletter
SELECT email, CASE WHEN n % 2 = 0 THEN '{sales,tours}'::text[] ELSE '{tours}' END, (created_at AT TIME ZONE 'UTC')::date
FROM people WHERE n % 5 < 2;

-- Orders: most customers have few, some have many.
CREATE TEMPORARY TABLE placed AS
SELECT row_number() OVER (ORDER BY placed_at, n, turn) AS order_id, *
FROM (
    SELECT n, turn, pg_temp.moment('placed', n * 100 + turn, created_at, '2025-12-30') AS placed_at
    FROM people CROSS JOIN generate_series(1, 40) AS turn
    WHERE turn <= 1 + floor(3 * pg_temp.dice('orders', n) + 30 * pg_temp.dice('orders', n) ^ 12)
) AS turns;

INSERT INTO orders (
    order_id, customer_id, shipping_address_id, billing_address_id, store_id, status, currency_code, placed_at,
    gift_message, invoice
)
SELECT
    placed.order_id, placed.n, address.last_id, CASE WHEN placed.order_id % 3 = 0 THEN address.first_id END,
    CASE WHEN placed.order_id % 5 = 0 THEN pg_temp.whole('sold by', placed.order_id, 1, 6) END,
    (CASE WHEN placed.order_id % 31 = 0 THEN 'cancelled' WHEN placed.order_id % 23 = 0 THEN 'returned'
          WHEN placed.placed_at > '2025-12-20' THEN 'placed' ELSE 'delivered' END)::order_status,
    'EUR', placed.placed_at,
    CASE WHEN placed.order_id % 19 = 0 THEN
        pg_temp.pick('gift', placed.order_id, '{"Happy birthday","All the best","Enjoy the mountains"}') || ', ' || people.first_name || '!' END,
    ROW('fjord-invoices',
        'customers/' || placed.n || '/' || pg_temp.ascii_only(people.last_name) || '/' || to_char(placed.placed_at AT TIME ZONE 'UTC', 'YYYY') || '/' || placed.order_id || '.pdf',
        'eu-north-1')::file_location
FROM placed
JOIN people USING (n)
JOIN (SELECT customer_id, min(address_id) AS first_id, max(address_id) AS last_id FROM addresses GROUP BY 1) AS address
    ON address.customer_id = placed.n
ORDER BY placed.order_id;

INSERT INTO order_lines
SELECT order_id, line, product_id, pg_temp.whole('quantity', order_id * 10 + line, 1, 3), products.price
FROM orders CROSS JOIN generate_series(1, 6) AS line
JOIN products ON product_id = pg_temp.whole('product', order_id * 10 + line, 1, 400)
WHERE line <= 1 + floor(5 * pg_temp.dice('lines', order_id) ^ 2);

INSERT INTO payments
SELECT
    order_id, order_id, placed_at + interval '1 hour' * pg_temp.dice('pays', order_id), total, method::payment_method,
    CASE WHEN method = 'card' THEN upper(first_name || ' ' || last_name) END,
    CASE WHEN method = 'card' THEN pg_temp.card(pg_temp.pick('scheme', n, '{400000,411111,510510,555555}') || pg_temp.digits('card', n, 9)) END,
    CASE WHEN method = 'direct debit' THEN people.iban END
FROM orders
JOIN people ON n = customer_id
JOIN (SELECT order_id, sum(quantity * unit_price) AS total FROM order_lines GROUP BY 1) AS totals USING (order_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN people.iban IS NOT NULL AND order_id % 2 = 0 THEN 'direct debit'
                ELSE pg_temp.pick('method', order_id, '{card,card,card,invoice,voucher}') END AS method
) AS chosen
WHERE status NOT IN ('placed', 'cancelled');

-- What support wrote down: people's own names, addresses and numbers inside sentences.
INSERT INTO notes
SELECT
    row_number() OVER (ORDER BY n, turn), n, CASE WHEN turn = 1 THEN last_order END,
    pg_temp.whole('author', n * 3 + turn, 1, 24), pg_temp.moment('note', n * 3 + turn, created_at, '2025-12-31'),
    CASE pg_temp.whole('sentence', n * 3 + turn, 0, 7)
        WHEN 0 THEN 'Called ' || first_name || ' ' || last_name || ' back on ' || phone || ', all settled.'
        WHEN 1 THEN 'Asks for the invoice by mail to ' || email || ' instead of the app.'
        WHEN 2 THEN 'Parcel came back. Neighbour says ' || last_name || ' moved; new address to follow by phone (' || phone || ').'
        WHEN 3 THEN coalesce('Refund to ' || iban || ', agreed with ' || first_name || '.', 'Refund as voucher, agreed with ' || first_name || '.')
        WHEN 4 THEN E'Wrote again:\n\t"Where is my tent? ' || upper(last_name) || E', ' || email || E'"\nAnswered the same day.'
        WHEN 5 THEN 'Prefers to be called ' || first_name || '. Born in ' || city || '.'
        WHEN 6 THEN 'No answer. Will try again on Monday.'
        ELSE 'Size M was too small, exchanged in the store.'
    END
FROM people JOIN places USING (place)
JOIN (SELECT customer_id AS n, max(order_id) AS last_order FROM orders GROUP BY 1) AS latest USING (n)
CROSS JOIN generate_series(1, 2) AS turn
WHERE pg_temp.dice('has note', n * 3 + turn) < 0.5;

-- Images of rows as they were and as they became.
INSERT INTO audit.changes (table_name, row_id, action, changed_at, changed_by, old_row, new_row, context)
SELECT
    'customers', customer_id, 'update', pg_temp.moment('changed', customer_id, created_at, '2025-12-31'), 'shop_app',
    to_jsonb(customers) || jsonb_build_object('email', replace(email, '@', '@old-'), 'phone', '+49 30 4' || pg_temp.digits('old phone', customer_id, 7)),
    to_jsonb(customers),
    jsonb_build_object('request', jsonb_build_object('ip', signup_ip, 'by', email), 'form', 'account/contact')
FROM customers WHERE customer_id % 3 = 0
UNION ALL
SELECT
    'addresses', address_id, 'insert', pg_temp.moment('address', address_id, created_at, '2025-12-31'), 'shop_app',
    NULL, to_jsonb(addresses), jsonb_build_object('request', jsonb_build_object('ip', signup_ip, 'by', email), 'form', 'checkout')
FROM addresses JOIN customers USING (customer_id) WHERE kind <> 'home'
ORDER BY 4, 2;

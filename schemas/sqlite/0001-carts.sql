-- Carts in one SQLite file. Times are milliseconds since 1970, UTC; ids of carts and orders are the 16 bytes of a UUID,
-- those of customers and products text.
-- Applied by backends/sqlite/schema.c in one transaction, which also sets application_id ("CART")
-- and user_version (the number of the last file applied). A file that was released is never edited:
-- a change is the next number.

-- A cart is one row, its lines with it, so that it is read, and a change written, in one place of the
-- file. Rows lie in the order in which they were made, so that where the
-- carts that change are mostly young their pages are few, which is what a commit and a checkpoint cost.
CREATE TABLE carts (
	n           INTEGER PRIMARY KEY,
	id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
	customer_id TEXT,                                     -- NULL: a guest's
	state       INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- 0 open, 1 checked out, 2 merged
	version     INTEGER NOT NULL,
	created_ms  INTEGER NOT NULL,
	updated_ms  INTEGER NOT NULL,
	idle_ms     INTEGER NOT NULL,                         -- see carts_idle
	expires_ms  INTEGER NOT NULL,                         -- 0: never
	sweep_ms    INTEGER NOT NULL,                         -- see carts_expiry; 0: never
	order_id    BLOB    CHECK (length(order_id) = 16),    -- NULL until checked out
	merged_into BLOB    CHECK (length(merged_into) = 16), -- NULL until merged
	items       TEXT    NOT NULL                          -- see cart_items
) STRICT;

-- A customer's carts, newest first, of one state or of all (a range each, merged).
CREATE INDEX carts_customer ON carts (customer_id, state, created_ms, id) WHERE customer_id IS NOT NULL;

-- Open carts, longest idle first. idle_ms is updated_ms rounded down to cart.idle_step: a change within one step leaves this
-- index alone. sweep_ms is in it so that most expired carts are passed over without reading their rows.
CREATE INDEX carts_idle ON carts (idle_ms, id, sweep_ms) WHERE state = 0;

-- Carts that are checked out, for the archive: only a checkout and what undoes it write here.
CREATE INDEX carts_closed ON carts (idle_ms, id) WHERE state = 1;

-- What the sweeper takes. sweep_ms is expires_ms rounded up to a thirtieth of cart.ttl, at most a day: expiry
-- slides with every change, and so most changes leave this index alone.
CREATE INDEX carts_expiry ON carts (sweep_ms) WHERE sweep_ms > 0;

-- carts.items is [["product_id", quantity, added_ms, updated_ms], ...] by product_id; a line with attributes has their
-- object as a fifth element. This shows it as rows.
CREATE VIEW cart_items AS
	SELECT carts.id AS cart_id, json_extract(line.value, '$[0]') AS product_id, json_extract(line.value, '$[1]') AS quantity,
	       json_extract(line.value, '$[2]') AS added_ms, json_extract(line.value, '$[3]') AS updated_ms,
	       json_extract(line.value, '$[4]') AS attributes
	FROM carts, json_each(carts.items) AS line;

-- What this file was made for, and is refused with anything else: id_type is the setting cart.id_type.
CREATE TABLE cart_settings (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was answered under an Idempotency-Key, written in the transaction of the change itself.
-- scope is the cart's id, for a create 16 zeros. key_hash is the first 16 bytes of SHA-256 over the key, for a create
-- over the customer's id (a guest has none), a zero byte and the key. cart_id is the cart that a create made.
CREATE TABLE idempotency_keys (
	scope       BLOB    NOT NULL CHECK (length(scope) = 16),
	key_hash    BLOB    NOT NULL CHECK (length(key_hash) = 16),
	fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 16),
	stored_ms   INTEGER NOT NULL,
	version     INTEGER NOT NULL,
	cart_id     BLOB    NOT NULL CHECK (length(cart_id) = 16),
	PRIMARY KEY (scope, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_stored ON idempotency_keys (stored_ms);

-- The outbox of the feed: with feed=on a row for each change of a cart, written in the transaction of the change itself.
-- seq rises with the order of the transactions: one connection writes at a time. The newest row is always kept, so that
-- no number comes twice and what was removed is known to be everything before the first row.
CREATE TABLE cart_events (
	seq     INTEGER PRIMARY KEY,
	cart_id BLOB    NOT NULL CHECK (length(cart_id) = 16),
	version INTEGER NOT NULL, -- after the change; of a removal one more than the cart had
	type    INTEGER NOT NULL, -- 1 created, 2 changed, 3 checked out, 4 reopened, 5 merged, 6 deleted, 7 expired
	at_ms   INTEGER NOT NULL,
	data    BLOB    NOT NULL  -- the cart and what was changed, see core/feed/event_pack.h
) STRICT;

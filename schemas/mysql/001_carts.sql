-- Carts in MySQL or MariaDB. Times are milliseconds since 1970, UTC; ids of carts and orders are the 16
-- bytes of a UUID. Applied by backends/mysql/schema.c, or by hand. The server commits every statement by
-- itself, so each can be repeated, and the last one records the file. A file that was released is never
-- edited: a change is the next number.

CREATE TABLE IF NOT EXISTS cart_schema (
	number     INT         NOT NULL, -- of the file
	name       VARCHAR(64) NOT NULL,
	applied_at DATETIME    NOT NULL, -- UTC
	PRIMARY KEY (number)
) ENGINE=InnoDB;

-- What this database was made for, and is refused with anything else: id_type is the setting cart.id_type. The
-- first provisioning enters it, or, where this file is applied by hand and provision=check,
-- INSERT INTO cart_settings VALUES ('id_type', 'integer'), or 'string'.
CREATE TABLE IF NOT EXISTS cart_settings (
	name  VARCHAR(64) NOT NULL,
	value VARCHAR(64) NOT NULL,
	PRIMARY KEY (name)
) ENGINE=InnoDB;

-- op marks the last change with a random number, by which the statements of one transaction find its carts.
-- lines_bound is the number of lines when they were last counted, plus the lines named by adds since then. So
-- an add is known to stay within limits.lines without counting; one that may not is decided after counting.
-- sweep_ms is expires_ms rounded up to a thirtieth of cart.ttl, at most a day, and idle_ms updated_ms rounded down
-- to cart.idle_step: both times move with every change, but most changes write neither index.
CREATE TABLE IF NOT EXISTS carts (
	id          BINARY(16)       NOT NULL,
	customer_id VARBINARY(64)    NULL,     -- as text; NULL: a guest's
	state       TINYINT          NOT NULL, -- 0 open, 1 checked out, 2 merged
	version     BIGINT           NOT NULL,
	created_ms  BIGINT           NOT NULL,
	updated_ms  BIGINT           NOT NULL,
	idle_ms     BIGINT           NOT NULL,
	expires_ms  BIGINT           NOT NULL, -- 0: never
	sweep_ms    BIGINT           NOT NULL, -- 0: never
	order_id    BINARY(16)       NULL,     -- NULL until checked out
	merged_into BINARY(16)       NULL,     -- NULL until merged
	lines_bound INT              NOT NULL, -- at least the number of lines
	op          BIGINT           NOT NULL,
	PRIMARY KEY (id),
	-- A customer's carts, newest first, of one state or of all (a range each, merged): a page of the open ones
	-- passes over none of the others. MariaDB before 10.8 ignores DESC and reads backwards.
	KEY carts_customer (customer_id, state, created_ms DESC, id DESC),
	-- Open carts, longest idle first; sweep_ms at the end, so that most expired ones, which come first until
	-- they are swept, need no look either.
	KEY carts_idle (state, idle_ms, id, sweep_ms),
	KEY carts_sweep (sweep_ms) -- what the sweeper takes
) ENGINE=InnoDB;

-- Lines are deleted before their cart: no cascade, which group replication in multi-primary mode refuses.
CREATE TABLE IF NOT EXISTS cart_items (
	cart_id    BINARY(16)    NOT NULL,
	product_id VARBINARY(64) NOT NULL, -- as text
	quantity   BIGINT        NOT NULL,
	added_ms   BIGINT        NOT NULL,
	updated_ms BIGINT        NOT NULL,
	attributes VARBINARY(1024) NULL, -- JSON of the shop's, as text in UTF-8
	PRIMARY KEY (cart_id, product_id),
	CONSTRAINT cart_items_cart FOREIGN KEY (cart_id) REFERENCES carts (id)
) ENGINE=InnoDB;

-- What was answered under an Idempotency-Key, written in the transaction of the change itself. scope is
-- the cart's id, for a create 16 zeros; key_hash the first 16 bytes of SHA-256 of the key, for a create of
-- the customer's id (a guest has none), a zero byte and the key; cart_id the cart that a create made.
CREATE TABLE IF NOT EXISTS idempotency_keys (
	scope       BINARY(16) NOT NULL,
	key_hash    BINARY(16) NOT NULL,
	fingerprint BINARY(16) NOT NULL,
	op          BIGINT     NOT NULL, -- a random number of the request that stored it
	stored_ms   BIGINT     NOT NULL,
	version     BIGINT     NOT NULL,
	cart_id     BINARY(16) NOT NULL,
	PRIMARY KEY (scope, key_hash),
	KEY idempotency_keys_stored (stored_ms)
) ENGINE=InnoDB;

-- The outbox of the feed (feed=on): a row for each transaction that changed carts, written in it; what the columns hold
-- is in backends/mysql/outbox.h. seq is the order of the feed. Rows are removed oldest first after feed.retention. The
-- first one holds nothing: there is always a row that a reader stands on.
CREATE TABLE IF NOT EXISTS cart_events (
	seq    BIGINT     NOT NULL AUTO_INCREMENT,
	at_ms  BIGINT     NOT NULL,
	events MEDIUMBLOB NOT NULL, -- which carts changed how; empty: a number that no transaction will use
	carts  MEDIUMBLOB NOT NULL, -- these carts after the change
	items  MEDIUMBLOB NOT NULL, -- their lines
	PRIMARY KEY (seq)
) ENGINE=InnoDB;

INSERT INTO cart_events (at_ms, events, carts, items)
	SELECT 1000 * UNIX_TIMESTAMP(), '', '', '' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM cart_events);

INSERT INTO cart_schema (number, name, applied_at) VALUES (1, '001_carts.sql', UTC_TIMESTAMP())
	ON DUPLICATE KEY UPDATE number = 1;

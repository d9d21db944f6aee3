-- The first schema. Every table is STRICT and WITHOUT ROWID: a row costs one write, an index entry one more.
-- Bodies are the last column of their table, so that lists read past them without touching their overflow pages.
-- docs/storage.md names the query behind each index.

-- One row. `version` counts every change of configuration; `purged_version`: tombstones up to here are erased.
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  purged_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE buses (
  bus TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  -- Kept beside the rows they count, because counting 100,000 rows at each creation would read them all.
  subscriptions INTEGER NOT NULL DEFAULT 0,
  keys INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX buses_version ON buses (version);

CREATE TABLE subscriptions (
  bus TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'paused', 'disabled', 'deleted')),
  disabled_reason TEXT,
  name TEXT,
  sink TEXT NOT NULL,
  format TEXT NOT NULL,
  timeout_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  -- JSON {scheduleSeconds, permanent}
  retry TEXT NOT NULL,
  -- JSON {types, source, filters}
  wanted TEXT NOT NULL,
  -- Sealed JSON: [{secret, untilMs}]
  secrets TEXT NOT NULL,
  -- Sealed JSON: {name: value}
  headers TEXT NOT NULL,
  PRIMARY KEY (bus, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_version ON subscriptions (version);
CREATE INDEX subscriptions_deleted ON subscriptions (updated_ms) WHERE status = 'deleted';

CREATE TABLE keys (
  bus TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'deleted')),
  -- SHA-256 of the key, hex. The key itself is shown once and stored nowhere.
  hash TEXT NOT NULL,
  name TEXT,
  -- JSON array of scopes
  scopes TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (bus, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_version ON keys (version);
CREATE INDEX keys_deleted ON keys (updated_ms) WHERE status = 'deleted';

CREATE TABLE events (
  bus TEXT NOT NULL,
  -- 26 characters, ordered by time of acceptance.
  seq TEXT NOT NULL,
  -- Derived from bus, source and id.
  event_id TEXT NOT NULL,
  receipt TEXT NOT NULL,
  accepted_ms INTEGER NOT NULL,
  hops INTEGER NOT NULL,
  matched INTEGER NOT NULL,
  duplicates INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL,
  -- Of the event, for lists: reading them from the body would read the body.
  id TEXT NOT NULL,
  source TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT,
  -- The event's canonical JSON text; null when it is in `bodies`.
  body TEXT,
  PRIMARY KEY (bus, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_event_id ON events (event_id);

CREATE TABLE bodies (
  event_id TEXT PRIMARY KEY,
  stored_ms INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bodies_stored ON bodies (stored_ms);

CREATE TABLE deliveries (
  bus TEXT NOT NULL,
  seq TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  run TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('claimed', 'waiting', 'held', 'delivered', 'dead', 'cancelled')),
  attempt INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  -- Of a waiting one, when it is to be attempted; of one that retention closed, when that was.
  due_ms INTEGER,
  -- Token of the batch that is pushing it.
  claim TEXT,
  cause TEXT,
  -- JSON array of finished attempts.
  attempts TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (bus, seq, subscription_id, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (due_ms) WHERE state = 'waiting';
CREATE INDEX deliveries_held ON deliveries (subscription_id, bus, seq, run) WHERE state = 'held';
CREATE INDEX deliveries_dead ON deliveries (bus, seq, subscription_id, run) WHERE state = 'dead';

-- Batches in flight: deleted by settle; what a crash leaves is freed by the sweep after the lease.
CREATE TABLE claims (
  token TEXT PRIMARY KEY,
  lease_ms INTEGER NOT NULL,
  -- JSON array of [bus, seq, subscription_id, run]
  keys TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (one, version, purged_version) VALUES (1, 1, 0);
INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES ('default', 1, unixepoch() * 1000, unixepoch() * 1000);

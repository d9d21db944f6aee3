-- Health of sinks, and what keeps one of them from being everybody's problem. Only additions: the Worker from before runs on them as it did.
-- docs/storage.md names the query behind each index.

-- One row per subscription that an attempt was made for. It belongs to the database, not to the configuration: no ETag changes with it.
CREATE TABLE health (
  bus TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  -- The change counter when `lane` last changed, for the caches; 0: it never did.
  version INTEGER NOT NULL DEFAULT 0,
  lane TEXT NOT NULL DEFAULT 'fast' CHECK (lane IN ('fast', 'slow')),
  -- Moving averages: how long an attempt takes, null before the first; and which part of them fails.
  latency_ms REAL,
  failure_rate REAL NOT NULL DEFAULT 0,
  -- In a row, and when the first of them was made.
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since_ms INTEGER,
  breaker TEXT NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open', 'half-open')),
  -- While it is not closed: since when, and how many times in a row it opened. When it was closed last.
  opened_ms INTEGER,
  openings INTEGER NOT NULL DEFAULT 0,
  closed_ms INTEGER,
  -- When a probe may be made; while one is under way, when the next may.
  probe_ms INTEGER,
  -- Token of the batch that makes the probe.
  probe TEXT,
  -- The sink asked for no request before this; 0 once that was seen to be over.
  paused_until_ms INTEGER NOT NULL DEFAULT 0,
  -- 1: the breaker or a pause may have left deliveries that no alarm wakes. When some of them were let go last.
  parking INTEGER NOT NULL DEFAULT 0,
  resumed_ms INTEGER NOT NULL DEFAULT 0,
  -- The lag was told of, and is not over yet.
  lagging INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (bus, subscription_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX health_version ON health (version) WHERE version > 0;
CREATE INDEX health_parking ON health (bus, subscription_id) WHERE parking = 1;
CREATE INDEX health_troubled ON health (bus, subscription_id)
  WHERE lane = 'slow' OR breaker <> 'closed' OR failures > 0 OR paused_until_ms > 0;
CREATE INDEX health_lagging ON health (bus, subscription_id) WHERE lagging = 1;

CREATE INDEX deliveries_waiting ON deliveries (subscription_id, bus, seq, run) WHERE state = 'waiting';
-- What waits for a breaker or a pause, and what was let go after it and is not taken yet.
CREATE INDEX deliveries_parked ON deliveries (subscription_id, bus, cause, seq, run)
  WHERE state = 'waiting' AND cause IN ('breaker', 'retry-after', 'resumed');

-- What operators want to hear of are events on a bus of their own; those that nobody takes leave nothing. Its subscriptions are theirs.
INSERT INTO buses (bus, version, created_ms, updated_ms, log_level)
SELECT 'fantail', version + 1, unixepoch() * 1000, unixepoch() * 1000, 'failures' FROM meta WHERE true
ON CONFLICT DO NOTHING;
UPDATE meta SET version = version + 1;

-- Which lane's batch it is, and the bus that has most of its deliveries: how many batches of lane `slow` one bus has at a time.
ALTER TABLE claims ADD COLUMN lane TEXT NOT NULL DEFAULT 'fast';
ALTER TABLE claims ADD COLUMN bus TEXT NOT NULL DEFAULT '';
CREATE INDEX claims_slow ON claims (bus, lease_ms) WHERE lane = 'slow';

-- Of what it holds, events with a lesser `seq` are skipped; empty: none.
ALTER TABLE subscriptions ADD COLUMN resume_from TEXT NOT NULL DEFAULT '';

-- JSON {limit, periodSeconds}; null: none.
ALTER TABLE subscriptions ADD COLUMN rate TEXT;
-- Requests that may be open at a time; null: no limit of its own.
ALTER TABLE subscriptions ADD COLUMN concurrency INTEGER;

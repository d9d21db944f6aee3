-- What streams read and metrics count. Only additions: the Worker from before runs on them as it did; what it puts on record and settles meanwhile is
-- in no stream and no count.
-- docs/storage.md names the query behind each index.

-- Events in the order in which they came on record, which their own order is not: one row for each batch and bus. With a rowid, for its rows are
-- long, and nothing but the place is looked up.
CREATE TABLE arrivals (
  -- Unix milliseconds, or one more than the place before, whichever is more: no clock can turn it back.
  place INTEGER PRIMARY KEY,
  bus TEXT NOT NULL,
  -- JSON array of event ids.
  events TEXT NOT NULL
) STRICT;

-- What settles wrote, in their order, one row for each settle and bus: news of deliveries, and what metrics are counted from.
CREATE TABLE settles (
  -- As in `arrivals`.
  place INTEGER PRIMARY KEY,
  bus TEXT NOT NULL,
  -- Of the batch.
  lane TEXT NOT NULL,
  -- JSON array of [subscription_id, seq, run, state, attempt succeeded (1, 0, null: none was made), its ms, ms from acceptance to delivered or null]
  entries TEXT NOT NULL
) STRICT;

-- Counts. `step_s` 60 and 3600: of that minute, of that hour; 0: of all time, `at_ms` is 0 then. `subscription_id` '': of the whole bus.
CREATE TABLE metrics (
  step_s INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  bus TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  -- Events that came on record; of a bus.
  events INTEGER NOT NULL DEFAULT 0,
  -- Attempts, and those of lane `slow` among them.
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  slow_lane INTEGER NOT NULL DEFAULT 0,
  -- Deliveries that ended so.
  delivered INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  -- Sums of milliseconds: of attempts; from acceptance to delivered.
  attempt_ms INTEGER NOT NULL DEFAULT 0,
  delivery_ms INTEGER NOT NULL DEFAULT 0,
  -- The same as histograms, by LATENCY_BOUNDS_MS: how many took up to the first bound, up to the second, …, longer than the last.
  a0 INTEGER NOT NULL DEFAULT 0,
  a1 INTEGER NOT NULL DEFAULT 0,
  a2 INTEGER NOT NULL DEFAULT 0,
  a3 INTEGER NOT NULL DEFAULT 0,
  a4 INTEGER NOT NULL DEFAULT 0,
  a5 INTEGER NOT NULL DEFAULT 0,
  a6 INTEGER NOT NULL DEFAULT 0,
  a7 INTEGER NOT NULL DEFAULT 0,
  a8 INTEGER NOT NULL DEFAULT 0,
  a9 INTEGER NOT NULL DEFAULT 0,
  a10 INTEGER NOT NULL DEFAULT 0,
  a11 INTEGER NOT NULL DEFAULT 0,
  d0 INTEGER NOT NULL DEFAULT 0,
  d1 INTEGER NOT NULL DEFAULT 0,
  d2 INTEGER NOT NULL DEFAULT 0,
  d3 INTEGER NOT NULL DEFAULT 0,
  d4 INTEGER NOT NULL DEFAULT 0,
  d5 INTEGER NOT NULL DEFAULT 0,
  d6 INTEGER NOT NULL DEFAULT 0,
  d7 INTEGER NOT NULL DEFAULT 0,
  d8 INTEGER NOT NULL DEFAULT 0,
  d9 INTEGER NOT NULL DEFAULT 0,
  d10 INTEGER NOT NULL DEFAULT 0,
  d11 INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (step_s, at_ms, bus, subscription_id)
) STRICT, WITHOUT ROWID;

-- Up to these places both are counted.
ALTER TABLE meta ADD COLUMN arrivals_counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN settles_counted INTEGER NOT NULL DEFAULT 0;

-- Streams that are open, for their limit. One whose isolate ended leaves its row until its lease is over.
CREATE TABLE streams (
  bus TEXT NOT NULL,
  id TEXT NOT NULL,
  lease_ms INTEGER NOT NULL,
  PRIMARY KEY (bus, id)
) STRICT, WITHOUT ROWID;

-- Settings of buses, limits of keys, erasure, the audit and idempotency. Only additions, all with defaults: the Worker from before runs on
-- them as it did; it would match for a deleted bus, ignore a key's limits, and put on record again what was erased, until the new version is deployed right
-- after. So the Worker from before is not gone back to once something was erased or a bus deleted.
-- docs/storage.md names the query behind each index.

-- What the size guard last saw, and what follows from it for all buses.
ALTER TABLE meta ADD COLUMN database_bytes INTEGER NOT NULL DEFAULT 0;
-- 1: all buses record failures only, because the database is nearly full.
ALTER TABLE meta ADD COLUMN failures_only INTEGER NOT NULL DEFAULT 0;
-- Events accepted before this were removed ahead of their retention; 0: none.
ALTER TABLE meta ADD COLUMN shortened_ms INTEGER NOT NULL DEFAULT 0;
-- The sweep has looked up to here, in the order of bodies_stored, for bodies without an event: each is looked at once.
ALTER TABLE meta ADD COLUMN bodies_checked_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN bodies_checked_id TEXT NOT NULL DEFAULT '';

-- `deleted` is a tombstone; the sweep removes what the bus had.
ALTER TABLE buses ADD COLUMN status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted'));
-- Null in each of these: the default of the deployment, or the limit of limits.ts.
ALTER TABLE buses ADD COLUMN retention_days INTEGER;
ALTER TABLE buses ADD COLUMN log_level TEXT NOT NULL DEFAULT 'all' CHECK (log_level IN ('all', 'failures'));
ALTER TABLE buses ADD COLUMN event_bytes_max INTEGER;
ALTER TABLE buses ADD COLUMN request_bytes_max INTEGER;
CREATE INDEX buses_deleted ON buses (updated_ms) WHERE status = 'deleted';

-- JSON array of event types that it may publish; null: all.
ALTER TABLE keys ADD COLUMN types TEXT;
-- JSON array of origins from which browsers may use it; null: none.
ALTER TABLE keys ADD COLUMN allowed_origins TEXT;
ALTER TABLE keys ADD COLUMN rate_limit TEXT NOT NULL DEFAULT 'standard' CHECK (rate_limit IN ('low', 'standard', 'high'));
ALTER TABLE keys ADD COLUMN expires_ms INTEGER;
-- Written at most once in KEY_USE_WRITE_MS.
ALTER TABLE keys ADD COLUMN last_used_ms INTEGER;
-- Id of the successor that a rotation made; null unless it ends for that.
ALTER TABLE keys ADD COLUMN replaced_by TEXT;
CREATE INDEX keys_expiring ON keys (expires_ms) WHERE status = 'active' AND expires_ms IS NOT NULL;

-- Events whose content was erased. A row outlives what queues still carry, so that no message brings the content back.
CREATE TABLE erasures (
  event_id TEXT PRIMARY KEY,
  -- Another bus of the name has events of the same ids: with the bus its erasures go.
  bus TEXT NOT NULL,
  erased_ms INTEGER NOT NULL,
  -- The event's deliveries are erased up to this one, in the order of their key; null in both: all are.
  subscription_id TEXT,
  run TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_erased ON erasures (erased_ms);
CREATE INDEX erasures_bus ON erasures (bus);
CREATE INDEX erasures_unfinished ON erasures (erased_ms) WHERE subscription_id IS NOT NULL;

-- Every change of configuration. Append-only, held by the triggers below.
CREATE TABLE audit (
  bus TEXT NOT NULL,
  -- `aud_` and 26 characters ordered by time.
  id TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  -- `root`, the id of a key, or `system`.
  actor TEXT NOT NULL,
  -- Null when no request asked for it.
  request_id TEXT,
  action TEXT NOT NULL,
  -- Id of what was changed.
  target TEXT NOT NULL,
  -- JSON without secrets; null where there was, or is, nothing.
  before TEXT,
  after TEXT,
  PRIMARY KEY (bus, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_at ON audit (at_ms);

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit is append-only');
END;

-- 400 days, AUDIT_KEPT_MS, by the clock of the database; and whatever a deleted bus had.
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.at_ms > (unixepoch() - 34560000) * 1000
  AND EXISTS (SELECT 1 FROM buses WHERE bus = OLD.bus AND status = 'active')
BEGIN
  SELECT RAISE(ABORT, 'audit is append-only');
END;

-- Requests that carried an Idempotency-Key, for 24 h.
CREATE TABLE idempotency (
  bus TEXT NOT NULL,
  -- `root` or the id of a key: two holders may choose the same.
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  -- SHA-256 of method, path and body, hex.
  fingerprint TEXT NOT NULL,
  began_ms INTEGER NOT NULL,
  -- Sealed: the random bytes that the request draws, so that a repetition draws the same.
  seed TEXT NOT NULL,
  -- Sealed JSON {status, headers, body}; null until it is answered.
  answer TEXT,
  PRIMARY KEY (bus, actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_began ON idempotency (began_ms);

-- The pace of subscriptions. Only additions, all with defaults: the Worker from before runs on them as it did, and knows no pace.

-- JSON {limit, periodSeconds}; null: none.
ALTER TABLE subscriptions ADD COLUMN rate TEXT;
-- Requests that may be open at a time; null: no limit of its own.
ALTER TABLE subscriptions ADD COLUMN concurrency INTEGER;

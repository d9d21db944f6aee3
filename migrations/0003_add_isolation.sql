-- From where a subscription was resumed. Only additions, all with defaults: the Worker from before runs on them as it did.

-- Of what it holds, events with a lesser `seq` are skipped; empty: none.
ALTER TABLE subscriptions ADD COLUMN resume_from TEXT NOT NULL DEFAULT '';

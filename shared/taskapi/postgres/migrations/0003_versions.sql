-- The version for ETag and If-Match, which every write increases.
ALTER TABLE tasks ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- The other two orders of the list. Titles sort by code point, whatever the
-- database's locale, so that pages and indexes agree on every machine.
CREATE INDEX tasks_by_update ON tasks (user_id, updated_at, id);
CREATE INDEX tasks_by_title ON tasks (user_id, title COLLATE "C", id);

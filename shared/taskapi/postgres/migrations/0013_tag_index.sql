-- no transaction
-- Each entry names the user, so that a list reads only the user's own, however many others
-- have the same tag. A tag has no comma, so the last comma of an entry precedes it.
CREATE OR REPLACE FUNCTION own_tags(user_id TEXT, tags TEXT[]) RETURNS TEXT[]
    IMMUTABLE PARALLEL SAFE LANGUAGE SQL
    AS $$ SELECT array_agg(user_id || ',' || tag) FROM unnest(tags) AS tag $$;
-- Without fastupdate, a write puts its entries where they belong. With it, each list would
-- read the entries that wait, which are others'.
DROP INDEX CONCURRENTLY IF EXISTS tasks_pending_by_tag;
CREATE INDEX CONCURRENTLY tasks_pending_by_tag
    ON tasks USING gin (own_tags(user_id, tags)) WITH (fastupdate = off)
 WHERE NOT completed AND tags <> '{}';

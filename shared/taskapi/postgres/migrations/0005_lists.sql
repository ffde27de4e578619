-- Over time, most tasks are completed. Without these indexes, a list of the few pending
-- tasks reads all completed ones (docs/lists.md has the numbers).
CREATE INDEX tasks_pending_by_creation ON tasks (user_id, created_at, id)
 WHERE NOT completed;
CREATE INDEX tasks_pending_by_update ON tasks (user_id, updated_at, id)
 WHERE NOT completed;
CREATE INDEX tasks_pending_by_title ON tasks (user_id, title COLLATE "C", id)
 WHERE NOT completed;

-- Text as search compares it: with Unicode's full case folding in any locale, so that ß
-- equals SS, and Σ equals σ and ς. Postgres 18 has it. Before, upper(lower()) comes
-- nearest, with ICU if it is built in, else with what the database has.
DO $migration$
DECLARE
    collation_name TEXT := (
        SELECT collname FROM pg_collation
         WHERE collname IN ('pg_unicode_fast', 'und-x-icu', 'pg_c_utf8', 'default')
           AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
      ORDER BY array_position(
                   ARRAY['pg_unicode_fast', 'und-x-icu', 'pg_c_utf8', 'default'],
                   collname::TEXT)
         LIMIT 1);
    folding TEXT := CASE collation_name
        WHEN 'pg_unicode_fast' THEN 'casefold(words COLLATE %I)'
        ELSE 'upper(lower(words COLLATE %I))' END;
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION folded(words TEXT) RETURNS TEXT'
        ' IMMUTABLE PARALLEL SAFE LANGUAGE SQL AS $$ SELECT ' || folding || ' $$',
        collation_name);
END
$migration$;

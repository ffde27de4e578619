-- What the API's contract promises about a Task: 64-bit ids that are never reused,
-- times with a zone (the legacy app wrote UTC), and a value in every field but
-- description.
UPDATE tasks
   SET completed = COALESCE(completed, FALSE),
       created_at = COALESCE(created_at, updated_at, now() AT TIME ZONE 'UTC'),
       updated_at = COALESCE(updated_at, created_at, now() AT TIME ZONE 'UTC')
 WHERE completed IS NULL OR created_at IS NULL OR updated_at IS NULL;

ALTER TABLE tasks
    ALTER COLUMN id TYPE BIGINT,
    ALTER COLUMN completed SET NOT NULL,
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN updated_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE TIMESTAMPTZ USING created_at AT TIME ZONE 'UTC',
    ALTER COLUMN updated_at TYPE TIMESTAMPTZ USING updated_at AT TIME ZONE 'UTC',
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN created_at SET NOT NULL,
    ALTER COLUMN updated_at SET NOT NULL;

-- A dump that was restored with explicit ids may have left the sequence behind them.
ALTER SEQUENCE tasks_id_seq AS BIGINT;
SELECT setval('tasks_id_seq', max(id)) FROM tasks
HAVING max(id) > (SELECT last_value FROM tasks_id_seq);

-- "This user's tasks, newest first" without a sort; no query uses the old indexes.
CREATE INDEX tasks_by_creation ON tasks (user_id, created_at, id);
DROP INDEX IF EXISTS idx_tasks_user_id;
DROP INDEX IF EXISTS idx_tasks_completed;

-- A time as the contract writes it, always with six digits (RFC 3339).
CREATE FUNCTION rfc3339(moment TIMESTAMPTZ) RETURNS TEXT STABLE LANGUAGE SQL
    AS $$ SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

"""The schema and statements of the release before, which writes are compared with.

When a release is out, its statements belong here, and the number of its last migration.
"""

LAST_MIGRATION = "0008"

CREATE = """
    WITH expired AS (
        DELETE FROM idempotency_keys
         WHERE ctid IN (SELECT ctid FROM idempotency_keys
                         WHERE created_at < now() - interval '24 hours'
                           AND (user_id, key) <> (%(user_id)s, %(key)s)
                      ORDER BY created_at LIMIT 2 FOR UPDATE SKIP LOCKED)
    ), claim AS (
        INSERT INTO idempotency_keys (user_id, key, fingerprint, task_id, created_at)
        SELECT %(user_id)s, %(key)s, %(fingerprint)s, nextval('tasks_id_seq'), now()
          FROM set_config('lock_timeout', %(lock_timeout)s, TRUE)
   ON CONFLICT (user_id, key) DO UPDATE SET key = excluded.key
     RETURNING task_id, created_at, xmax = 0 AS is_new,
               fingerprint = %(fingerprint)s AS is_same_body
    ), created AS (
        INSERT INTO tasks (user_id, id, title, description, completed,
                           created_at, updated_at)
        SELECT %(user_id)s, task_id, %(title)s::text, %(description)s::text,
               %(completed)s::boolean, created_at, created_at
          FROM claim
         WHERE is_new
    )
    SELECT task_id, rfc3339(created_at), is_new, is_same_body FROM claim
"""

WRITE = """
    WITH written AS (
        UPDATE tasks
           SET {assignments},
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
     RETURNING tasks.*, TRUE AS written
    ), unwritten AS (
        SELECT tasks.*, FALSE
          FROM tasks
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND NOT EXISTS (SELECT FROM written)
           FOR NO KEY UPDATE
    )
    SELECT id, title, description, completed, user_id, rfc3339(created_at),
           rfc3339(updated_at), format('"%%s-%%s"', id, version), written
      FROM (TABLE written UNION ALL TABLE unwritten) AS task
"""
UPDATE = WRITE.replace(
    "{assignments}",
    "title = CASE WHEN 'title' = ANY (%(changed)s::text[])"
    " THEN %(title)s::text ELSE title END,"
    " description = CASE WHEN 'description' = ANY (%(changed)s::text[])"
    " THEN %(description)s::text ELSE description END,"
    " completed = CASE WHEN 'completed' = ANY (%(changed)s::text[])"
    " THEN %(completed)s::boolean ELSE completed END",
)
COMPLETE = WRITE.replace(
    "{assignments}", "completed = COALESCE(%(completed)s, NOT completed)"
)

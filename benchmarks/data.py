"""Fill a table with tasks to measure: many users, one with very many tasks."""

from typing import Any

import psycopg

FILL = """
    INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at)
    SELECT user_id,
           md5(n::text) || CASE WHEN n %% 50 = 0 THEN ' milk' ELSE '' END,
           CASE WHEN n %% 2 = 0 THEN repeat(md5((-n)::text) || ' ', 4) END,
           CASE user_id WHEN 'done' THEN n %% 1000 <> 3 ELSE n %% 3 = 0 END,
           created_at,
           created_at + random() * interval '60 days'
      FROM (SELECT n,
                   CASE WHEN n <= %(old)s THEN 'old'
                        WHEN n <= 2 * %(old)s THEN 'done'
                        WHEN n <= 2 * %(old)s + %(big)s THEN 'big'
                        ELSE 'user ' || n %% (%(users)s - 3)
                   END AS user_id,
                   CASE WHEN n <= %(old)s THEN timestamptz '2020-01-01'
                        ELSE '2025-01-01'
                   END + random() * interval '300 days' AS created_at
              FROM generate_series(1, %(rows)s) AS n) AS numbered
  ORDER BY created_at
"""
"""Rows are inserted in order of time, with users mixed, as real tasks are."""


def fill(
    connection: psycopg.Connection[Any], *, rows: int, users: int, big: int, old: int
) -> None:
    """Fill the empty table with this many rows and users.

    The user "big" has `big` tasks. "old" has `old` tasks, older than all others. "done"
    has `old` tasks too, almost all completed.

    Create the indexes after the rows, which takes a third of the time, and vacuum, as
    autovacuum would do later.
    """
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = 'tasks' AND indexname <> 'tasks_pkey'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    connection.execute(FILL, {"rows": rows, "users": users, "big": big, "old": old})
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("VACUUM (ANALYZE) tasks")

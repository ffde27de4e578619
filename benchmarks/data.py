"""Fill a table with tasks to measure: many users, two with very many tasks."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

COLUMNS = {
    "user_id": "user_id",
    "title": "md5(n::text) || CASE WHEN n %% 50 = 0 THEN ' milk' ELSE '' END",
    "description": "CASE WHEN n %% 2 = 0 THEN repeat(md5((-n)::text) || ' ', 4) END",
    "completed": """CASE user_id WHEN 'done' THEN n %% 1000 <> 3
                                 WHEN 'open' THEN n %% 100 = 3
                                 ELSE hashint8(n) %% 10 <> 0 END""",
    "created_at": "created_at",
    "updated_at": "created_at + random() * interval '60 days'",
    "priority": """(ARRAY['low', 'low', 'urgent', 'high', 'high', 'high']
                    ::task_priority[]
                    || array_fill('medium'::task_priority, ARRAY[14])
                   )[1 + n * 7 %% 20]""",
    "tags": """CASE WHEN n %% 5 = 0 THEN ARRAY['home']
                    WHEN n %% 4 = 0 THEN ARRAY['work', 'project ' || n / 4 %% 200]
                    WHEN hashint8(n) %% 3000 = 0 THEN ARRAY['rare']
                    ELSE '{}' END""",
    "due_on": "CASE WHEN n %% 7 < 2 THEN (created_at + due_in)::date END",
    "due_at": "CASE WHEN n %% 7 = 2 THEN created_at + due_in END",
}
"""The SQL of each column. A tenth of a user's tasks are pending, three of seven have a
due date, two of five have tags, one of twenty is urgent."""

FIRST_COLUMNS = list(COLUMNS)[:6]
"""Those of the release before."""

FILL = """
    INSERT INTO tasks ({columns})
    SELECT {values}
      FROM (SELECT n,
                   CASE WHEN n <= %(old)s THEN 'old'
                        WHEN n <= 2 * %(old)s THEN 'done'
                        WHEN n <= 2 * %(old)s + %(big)s THEN 'big'
                        WHEN n <= 2 * %(old)s + 2 * %(big)s THEN 'open'
                        ELSE 'user ' || n %% (%(users)s - 4)
                   END AS user_id,
                   CASE WHEN n <= %(old)s THEN timestamptz '2020-01-01'
                        ELSE '2025-01-01'
                   END + random() * interval '300 days' AS created_at,
                   random() * interval '60 days' AS due_in
              FROM generate_series(1, %(rows)s) AS n) AS numbered
  ORDER BY created_at
"""
"""Rows are inserted in order of time, with users mixed, as real tasks are."""

COUNTERS = "INSERT INTO change_counters SELECT user_id, 1 FROM tasks GROUP BY user_id"


def fill(
    connection: psycopg.Connection[Any],
    *,
    rows: int,
    users: int,
    big: int,
    old: int,
    analyze: bool = True,
    columns: Collection[str] = COLUMNS,
) -> None:
    """Fill the empty table with this many rows and users.

    The users "big" and "open" have `big` tasks each; those of "open" are nearly all
    pending. "old" has `old` tasks, older than all others. "done" has `old` tasks too,
    almost all completed.

    Create the indexes after the rows, which takes a third of the time, and vacuum, as
    autovacuum would do later. Without `analyze`, Postgres knows nothing of the values,
    as in a new database.
    """
    values = ", ".join(COLUMNS[name] for name in columns)
    sql = FILL.replace("{columns}", ", ".join(columns)).replace("{values}", values)
    with without_indexes(connection):
        connection.execute(
            sql.encode(), {"rows": rows, "users": users, "big": big, "old": old}
        )
        if columns is COLUMNS:
            connection.execute(COUNTERS)
    if analyze:
        connection.execute("VACUUM (ANALYZE) tasks")


@contextmanager
def without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Drop the indexes of tasks and switch its triggers off; restore them after."""
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = 'tasks' AND indexname <> 'tasks_pkey'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    # They would count each row.
    connection.execute("ALTER TABLE tasks DISABLE TRIGGER USER")
    yield
    connection.execute("ALTER TABLE tasks ENABLE TRIGGER USER")
    for _, definition in indexes:
        connection.execute(definition)

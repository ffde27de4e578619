"""Create tasks: one for each Idempotency-Key."""

import base64
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from functools import cache, partial
from typing import cast

from taskapi.errors import Conflict, IdempotencyKeyReused
from taskapi.postgres.faults import Locked
from taskapi.tasks import etags
from taskapi.tasks.bodies import NewTask
from taskapi.tasks.fields import (
    BODY_FIELDS,
    DEFAULTS,
    NAMES,
    RULES,
    Field,
    Task,
    stored_columns,
)
from taskapi.tasks.operation import Operation, Rows, run

CREATE = """
    WITH claim AS (
        INSERT INTO idempotency_keys (user_id, key, fingerprint, task_id, created_at)
        SELECT %(user_id)s, %(key)s, %(fingerprint)s, nextval('tasks_id_seq'), now()
          FROM set_config('lock_timeout', %(lock_timeout)s,
                          count_write(%(user_id)s) > 0)
   ON CONFLICT (user_id, key) DO UPDATE SET key = excluded.key
     RETURNING user_id, key, task_id, created_at,
               task_id = currval('tasks_id_seq') AS is_new,
               fingerprint = %(fingerprint)s AS is_same_body
    ), created AS (
        INSERT INTO tasks (user_id, id, change, completed_at, created_at, updated_at,
                           {columns})
        SELECT %(user_id)s, task_id, current_setting('tasks.change')::bigint,
               CASE WHEN %(completed)s THEN created_at END, created_at, created_at,
               {values}
          FROM claim
         WHERE is_new
    )
    SELECT task_id, rfc3339(created_at), is_new, is_same_body{converted}
      FROM claim, delete_expired_keys(claim.user_id, claim.key),
           purge_trash(claim.user_id, 2),
           (SELECT {named_values}) AS body
"""
"""The unique key decides which of several equal requests creates the task.

A request whose key is taken waits until the transaction that took it ends, then
updates the key's row without changing it, because ON CONFLICT returns a row that is
newer than the statement's snapshot only if it updates the row. The row is new if it has
the id that this statement took from the sequence.

set_config limits the wait for the key, for this statement alone. Its last argument
makes the counter (tasks/changes.py) the first lock, for which it waits as long as any
statement.

Each create also deletes up to two expired keys of the same user, and up to two tasks
that were in the trash for too long. It does so after it has the counter, so that two
creates can't wait for each other.
"""


@cache
def create_statement(names: tuple[str, ...]) -> str:
    """Return the statement that sets these fields; the others have their defaults.

    To plan a statement takes Postgres longer than to run it, and it plans the first
    uses on each connection and those in a batch: so a statement has only what it needs.
    """
    zone = "%(time_zone)s" if "time_zone" in names else "NULL"
    columns = stored_columns(names, zone)
    converted = converted_fields(names)
    named = {column: columns[column] for field in converted for column in field.columns}
    parts = {
        "{columns}": ", ".join(columns),
        "{values}": ", ".join(columns.values()),
        "{converted}": "".join(
            f", {field.column or field.name}" for field in converted
        ),
        "{named_values}": ", ".join(f"{sql} AS {name}" for name, sql in named.items()),
    }
    sql = CREATE
    for placeholder, part in parts.items():
        sql = sql.replace(placeholder, part)
    return sql


def converted_fields(names: Collection[str]) -> list[Field]:
    """Return those of the fields that Postgres converts.

    The response has what Postgres makes of their values.
    """
    return [field for field in BODY_FIELDS if field.stored and field.name in names]


KEY_LOCK_TIMEOUT = "3s"
"""How long to wait for another request with the key: less than a statement may take, so
that the caller gets a 409 that says why."""


def create(user_id: str, new: NewTask, key: str | None) -> tuple[Task, bool]:
    """Return the task as it was created, and whether an earlier request created it.

    A key is kept at least 24 hours, with a hash of the body and the id and time of the
    task, but without its text: the request that is sent again has the text. So a replay
    gets the first response again, even after the task was changed or deleted.

    A create without a key gets one for the length of the request, so that the statement
    can be sent again safely.

    Raises IdempotencyKeyReused for a key that came with another body, and Conflict if
    the first request with the key doesn't end in time.
    """
    try:
        return run(create_operation(user_id, new, key))
    except Locked as error:
        if key is None:
            raise
        raise Conflict from error


def create_operation(
    user_id: str, new: NewTask, key: str | None
) -> Operation[tuple[Task, bool]]:
    """Return the create, whose result is that of create()."""
    names = tuple(name for name in RULES if name in new)
    body = {field.name: field.default for field in BODY_FIELDS} | {**new}
    values = body | {
        "user_id": user_id,
        "key": key or random_key(),
        "lock_timeout": KEY_LOCK_TIMEOUT,
        # A random key never comes again, so nothing is compared with its fingerprint.
        "fingerprint": fingerprint(body) if key else b"",
    }
    to_result = partial(created_task, user_id, new, body, key is not None)
    return Operation(create_statement(names), values, to_result, repeatable=True)


def random_key() -> str:
    """Return a key for one request: short, because two indexes and the log have it.

    No client can send it: a client's key is ASCII.
    """
    return "·" + base64.b64encode(os.urandom(9)).decode()


def created_task(
    user_id: str,
    new: NewTask,
    body: Mapping[str, object],
    has_key: bool,
    rows: Rows,
) -> tuple[Task, bool]:
    """Return what create() does; raise IdempotencyKeyReused.

    body: new with the defaults of the fields that it leaves out.
    """
    [(id, created_at, is_new, is_same_body, *converted)] = rows
    if not is_same_body:
        raise IdempotencyKeyReused
    converted_names = [field.name for field in converted_fields(new)]
    task = {
        **body,
        **dict(zip(converted_names, converted, strict=True)),
        "completed_at": created_at if body["completed"] else None,
        "id": id,
        "user_id": user_id,
        "created_at": created_at,
        "updated_at": created_at,
        "etag": etags.etag(cast(int, id), version=1),
    }
    in_order = {name: task.get(name, DEFAULTS[name]) for name in NAMES}
    return cast(Task, in_order), has_key and not is_new


FIRST_FIELDS = ("title", "description", "completed")
"""The fields of the first release, whose fingerprints are a hash of these values."""


def fingerprint(body: Mapping[str, object]) -> bytes:
    """Return a hash that tells this body from others that are sent with the same key.

    Two releases run during a deployment, and a retry may reach either. So a body that
    doesn't use a newer field has the same fingerprint in a release without that field:
    newer fields count only if they differ from their defaults.
    """
    values = [body[name] for name in FIRST_FIELDS]
    newer = {
        name: value
        for name, value in body.items()
        if name not in FIRST_FIELDS and value != DEFAULTS[name]
    }
    if newer:
        values.append(newer)
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()

"""Batches on a database that fails: nothing is done by halves."""

import json
from collections.abc import Callable

import pytest

from local.waiting import eventually
from tests.support.faults import DATABASE, Api, become

NEW = {"op": "create", "task": {"title": "new"}}
KEYED = {**NEW, "idempotency_key": "key"}


def update(id: int) -> dict[str, object]:
    return {"op": "update", "id": id, "changes": {"title": "after"}}


@pytest.mark.parametrize(
    ("operation", "status"), [(KEYED, 409), (NEW, 503)], ids=["with a key", "without"]
)
def test_a_lock_timeout_in_the_middle(
    api: Api,
    role: Callable[[str], str],
    operation: dict[str, object],
    status: int,
) -> None:
    id = api.create("before")["id"]
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET lock_timeout = '20ms'")
    become(api, name)

    with api.postgres.locked(DATABASE, "idempotency_keys"):
        answer = api.send(
            "batch_tasks", json_body={"operations": [update(id), operation, update(id)]}
        )

    assert answer.status == status, answer.text
    assert [fault["sqlstate"] for fault in api.faults] == ["55P03"]
    assert api.rows() == {id: ("before", False, 1)}


def test_a_lock_timeout_before_the_first_operation(
    api: Api, role: Callable[[str], str]
) -> None:
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET lock_timeout = '20ms'")
    become(api, name)

    with api.postgres.locked(DATABASE, "change_counters"):
        answer = api.send("batch_tasks", json_body={"operations": [KEYED]})

    assert answer.status == 503, answer.text
    assert api.rows() == {}


def test_a_statement_that_fails_in_the_middle(either: Api) -> None:
    id = either.create("before")["id"]
    either.postgres.execute("ALTER FUNCTION restore_task RENAME TO r", DATABASE)
    try:
        answer = either.send(
            "batch_tasks",
            json_body={"operations": [update(id), {"op": "restore", "id": id}, NEW]},
        )
    finally:
        either.postgres.execute("ALTER FUNCTION r RENAME TO restore_task", DATABASE)

    assert answer.status == 503, answer.text
    assert "isn't known" not in answer.json["message"]
    [fault] = either.faults
    assert fault["message"].startswith("a function is missing")
    assert either.rows() == {id: ("before", False, 1)}
    either.works()


def test_a_value_that_postgres_refuses_behind_the_pooler(either: Api) -> None:
    id = either.create("before")["id"]
    zone = {"op": "update", "id": id, "changes": {"time_zone": "A/B"}}

    for _ in range(3):
        answer = either.send(
            "batch_tasks", json_body={"operations": [update(id), zone, NEW]}
        )
        assert answer.status == 422, answer.text
        assert answer.json["details"]["field"] == "operations[1].changes.time_zone"

    assert either.faults == []
    assert either.rows() == {id: ("before", False, 1)}
    either.works()


def test_a_batch_that_was_given_up_is_not_made_later(
    either: Api, short_budget: None, cancelling: None
) -> None:
    id = either.create("before")["id"]

    with either.postgres.locked(DATABASE):
        answer = either.send("batch_tasks", json_body={"operations": [update(id), NEW]})

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    [fault] = either.faults
    assert fault["message"] == "the statement took too long and was cancelled"
    eventually(lambda: not either.running())
    assert either.rows() == {id: ("before", False, 1)}
    either.works()


def test_a_batch_that_was_given_up_while_it_was_sent_is_not_made_later(
    api: Api, short_budget: None, cancelling: None
) -> None:
    """While the server waits for a lock it doesn't read, and a Unix socket holds less
    than this."""
    id = api.create("before")["id"]
    api.point(api.postgres.url(DATABASE))
    large = {"op": "create", "task": {"title": "new", "description": "x" * 5_000}}
    operations = [update(id), *[large] * 99]

    with api.postgres.locked(DATABASE):
        answer = api.send("batch_tasks", json_body={"operations": operations})

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    [fault] = api.faults
    assert fault["message"] == "the statement took too long and was cancelled"
    eventually(lambda: not api.running())
    assert api.rows() == {id: ("before", False, 1)}
    api.works()


def test_a_database_that_may_only_be_read(api: Api, role: Callable[[str], str]) -> None:
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET default_transaction_read_only = 'on'")
    become(api, name)

    answer = api.send("batch_tasks", json_body={"operations": [NEW]})

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "30"
    [fault] = api.faults
    assert fault["message"].startswith("default_transaction_read_only is on")
    assert fault["again"] is False


def test_the_largest_batch_arrives(either: Api) -> None:
    """Its statements are more than all buffers on the way hold."""
    task = {"title": "new", "description": "🎉" * 2_600}
    operations = [{"op": "create", "task": task}] * 100
    body = json.dumps({"operations": operations}, ensure_ascii=False)
    assert 2**20 - 2**14 < len(body.encode()) < 2**20

    answer = either.send("batch_tasks", body=body)

    assert answer.status == 200, answer.text
    assert len(either.rows()) == len(operations)

"""POST …/tasks/batch: many changes in one request, committed together."""

import importlib
import json
import uuid
from typing import Any

import psycopg
import pytest

from local.direct import CONTEXT, ROUTES, Answer, event, token
from tests.support.api import Client
from tests.support.contract import NOT_FOUND, TITLE_RULE
from tests.support.largest import LAMBDA_LIMIT, user_with_largest_tasks

Postgres = psycopg.Connection[Any]
Json = dict[str, Any]

MOST = 100

NEW: Json = {"op": "create", "task": {"title": "new"}}


def send(user: Client, *operations: object) -> Answer:
    return user.send("batch_tasks", json_body={"operations": operations})


def results(user: Client, *operations: object) -> list[Json]:
    answer = send(user, *operations)
    assert answer.status == 200, answer.text
    found: list[Json] = answer.json["results"]
    assert len(found) == len(operations)
    return found


def statuses(user: Client, *operations: object) -> list[int]:
    return [result["status"] for result in results(user, *operations)]


def titles(user: Client) -> list[str]:
    return [task["title"] for task in user.pages(order="asc")]


def update(id: object, title: str = "after", **more: object) -> Json:
    return {"op": "update", "id": id, "changes": {"title": title}, **more}


def test_each_operation_has_the_result_of_its_own_route(user: Client) -> None:
    first, second, third, fourth = (user.create(str(n))["id"] for n in range(4))
    user.send("delete_task", fourth)

    new, updated, completed, deleted, restored = results(
        user,
        {"op": "create", "task": {"title": " new ", "priority": "HIGH"}},
        update(first),
        {"op": "complete", "id": second, "completed": True},
        {"op": "delete", "id": third},
        {"op": "restore", "id": fourth},
    )

    assert deleted == {"status": 204}
    assert new["status"] == 201
    for result in (updated, completed, restored):
        assert result["status"] == 200
    assert completed.pop("next_task") is None
    for result in (new, updated, completed, restored):
        assert result.keys() == {"status", "task"}
        task = result["task"]
        assert user.send("get_task", task["id"]).json == task
    assert (new["task"]["title"], new["task"]["priority"]) == ("new", "high")
    assert updated["task"]["title"] == "after"
    assert completed["task"]["completed_at"]
    assert restored["task"]["id"] == fourth
    assert user.send("get_task", third).status == 404


def test_a_hundred_of_each_operation(user: Client) -> None:
    created = results(user, *[NEW] * MOST)
    ids = [result["task"]["id"] for result in created]
    tags = [result["task"]["etag"] for result in created]
    rounds: list[list[Json]] = [
        [
            update(id, f"{n}", if_match=tag)
            for n, (id, tag) in enumerate(zip(ids, tags, strict=True))
        ],
        [{"op": "complete", "id": id} for id in ids],
        [{"op": "delete", "id": id} for id in ids],
        [{"op": "restore", "id": id} for id in ids],
    ]

    done = [results(user, *operations) for operations in rounds]

    assert ids == sorted(set(ids))
    assert [{each["status"] for each in round} for round in done] == [
        {200},
        {200},
        {204},
        {200},
    ]
    assert titles(user) == [str(n) for n in range(MOST)]
    assert all(task["completed"] for task in user.pages())
    assert [each["task"]["etag"] for each in done[3]] == [f'"{id}-4"' for id in ids]


def test_operations_are_carried_out_in_order(user: Client) -> None:
    task = user.create()
    id = task["id"]
    complete, delete = {"op": "complete", "id": id}, {"op": "delete", "id": id}
    restore = {"op": "restore", "id": id}

    found = results(
        user,
        update(id, "a", if_match=task["etag"]),
        update(id, "b", if_match=task["etag"]),
        update(id, "c", if_match=f'"{id}-2"'),
        complete,
        complete,
        delete,
        update(id),
        delete,
        restore,
        update(id, "d"),
        restore,
    )

    assert [each["status"] for each in found] == [
        *(200, 412, 200, 200, 200),
        *(204, 404, 404, 200, 200, 200),
    ]
    assert found[1]["details"]["task"] == found[0]["task"]
    assert [each["task"]["completed"] for each in found[3:5]] == [True, False]
    assert found[10]["task"] == found[9]["task"] == user.send("get_task", id).json
    assert found[9]["task"]["title"] == "d"


NO_IDS = ["abc", "-1", 0, -1, str(uuid.UUID(int=1)), 10**30, 1.5, "", "1 "]


@pytest.mark.parametrize("id", [10**15, *NO_IDS])
def test_an_unknown_id_stops_no_other_operation(user: Client, id: object) -> None:
    operations = [
        update(id),
        update(id, if_match='"1-1"'),
        {"op": "complete", "id": id},
        {"op": "delete", "id": id},
        {"op": "restore", "id": id},
    ]

    first, *found, last = results(user, NEW, *operations, NEW)

    assert found == [{"status": 404, **NOT_FOUND}] * len(operations)
    assert [first["status"], last["status"]] == [201, 201]


def test_an_id_may_be_text_as_in_a_path(user: Client) -> None:
    assert statuses(user, update(str(user.create()["id"]))) == [200]


def test_tasks_of_others_are_not_found(user: Client, other: Client) -> None:
    task, deleted = other.create(), other.create()
    other.send("delete_task", deleted["id"])

    found = statuses(
        user,
        *(update(task["id"]), update(task["id"], if_match=task["etag"])),
        {"op": "complete", "id": task["id"]},
        {"op": "delete", "id": task["id"]},
        {"op": "restore", "id": task["id"]},
        {"op": "restore", "id": deleted["id"]},
    )

    assert found == [404] * 6
    assert other.pages() == [task]


@pytest.mark.parametrize("tag", ['"{id}-9"', 'W/"{id}-1"', '"1-1"', "{id}-1"])
def test_a_failed_condition_is_as_on_its_own_route(user: Client, tag: str) -> None:
    task = user.create("before")
    tag = tag.replace("{id}", str(task["id"]))
    body = {"title": "after"}
    alone = user.send(
        "update_task", task["id"], json_body=body, headers={"if-match": tag}
    )

    first, failed, last = results(user, NEW, update(task["id"], if_match=tag), NEW)

    assert failed == {"status": 412, **alone.json}
    assert [first["status"], last["status"]] == [201, 201]
    assert user.send("get_task", task["id"]).json == task


def test_a_key_makes_one_task(user: Client) -> None:
    keyed = {**NEW, "idempotency_key": "k"}
    other_body = {**keyed, "task": {"title": "another"}}

    first, again, reused, last = results(user, keyed, keyed, other_body, NEW)
    [replay] = results(user, keyed)
    alone = user.send(
        "create_task", json_body={"title": "new"}, headers={"idempotency-key": "k"}
    )

    assert "replayed" not in first
    assert again == replay == {**first, "replayed": True}
    assert (reused["status"], reused["error"]) == (422, "idempotency_key_reused")
    assert alone.headers["idempotent-replayed"] == "true"
    assert alone.json == first["task"]
    assert user.pages(order="asc") == [first["task"], last["task"]]


def test_null_is_as_if_left_out(user: Client) -> None:
    id = user.create()["id"]

    new, updated = results(
        user, {**NEW, "idempotency_key": None}, update(id, if_match=None)
    )

    assert [new["status"], updated["status"]] == [201, 200]


def test_unknown_fields_are_ignored(user: Client) -> None:
    new = {**NEW, "task": {"title": "new", "x": 1}, "id": 1, "user_id": "x"}
    answer = user.send("batch_tasks", json_body={"operations": [new], "more": 1})

    assert answer.json["results"][0]["task"]["user_id"] == user.user_id


def test_the_same_batch_may_be_sent_twice(user: Client) -> None:
    one, two, three, four = (user.create(str(n)) for n in range(4))
    user.send("delete_task", four["id"])
    operations = [
        {**NEW, "idempotency_key": "k"},
        update(one["id"], if_match=one["etag"]),
        {"op": "complete", "id": two["id"], "if_match": two["etag"]},
        {"op": "delete", "id": three["id"], "if_match": three["etag"]},
        {"op": "restore", "id": four["id"], "if_match": four["etag"]},
    ]

    first = results(user, *operations)
    listed = user.pages()
    second = results(user, *operations)

    assert [each["status"] for each in first] == [201, 200, 200, 204, 200]
    assert [each["status"] for each in second] == [201, 412, 412, 404, 412]
    assert second[0] == {**first[0], "replayed": True}
    assert second[1]["details"]["task"] == first[1]["task"]
    assert user.pages() == listed


OP = "Op is required and must be create, update, complete, delete or restore"
OBJECT = "An operation must be a JSON object"
ID = "Id is required and must be the id of a task"
MALFORMED: dict[str, tuple[object, str, str]] = {
    "no object": (1, "operations[1]", f"{OBJECT}, not a number"),
    "null": (None, "operations[1]", f"{OBJECT}, not null"),
    "no op": ({"id": 1}, "operations[1].op", OP),
    "another op": ({"op": "Create"}, "operations[1].op", OP),
    "an op that is no text": ({"op": [1]}, "operations[1].op", OP),
    "no id": ({"op": "delete"}, "operations[1].id", ID),
    "an id of null": (update(None), "operations[1].id", f"{ID}, not null"),
    "an id of true": (update(True), "operations[1].id", f"{ID}, not a boolean"),
    "an id that is a list": (update([1]), "operations[1].id", f"{ID}, not an array"),
    "no task": (
        {"op": "create"},
        "operations[1].task",
        "Task is required and must be a JSON object",
    ),
    "a task that is text": (
        {"op": "create", "task": "a"},
        "operations[1].task",
        "Task is required and must be a JSON object, not text",
    ),
    "no title": (
        {"op": "create", "task": {}},
        "operations[1].task.title",
        str(TITLE_RULE["message"]),
    ),
    "a title that is too long": (
        update(1, "x" * 201),
        "operations[1].changes.title",
        str(TITLE_RULE["message"]),
    ),
    "a control character": (
        update(1, "\0"),
        "operations[1].changes.title",
        "Title must not contain control characters",
    ),
    "a tag": (
        {"op": "create", "task": {"title": "a", "tags": [1]}},
        "operations[1].task.tags",
        "A tag must be text, not a number",
    ),
    "no changes": (
        {"op": "update", "id": 1},
        "operations[1].changes",
        "Changes are required and must be a JSON object",
    ),
    "completed is null": (
        {"op": "complete", "id": 1, "completed": None},
        "operations[1].completed",
        "Completed must be a JSON boolean, true or false, not null",
    ),
    "if_match is a number": (
        update(1, if_match=1),
        "operations[1].if_match",
        "If-Match must be null or the text of a task's etag, not a number",
    ),
    "an empty key": (
        {**NEW, "idempotency_key": ""},
        "operations[1].idempotency_key",
        "Idempotency-Key must be between 1 and 255 printable ASCII characters",
    ),
    "a time without a zone": (
        {"op": "create", "task": {"title": "a", "due_date": "2026-03-09T17:00"}},
        "operations[1].task.due_date",
        "Due date has a time without an offset: send an offset "
        "(2026-03-09T17:00:00+01:00), or a time_zone (Europe/Berlin) in which to "
        "read it",
    ),
}


@pytest.mark.parametrize(
    ("operation", "field", "message"), MALFORMED.values(), ids=MALFORMED
)
def test_nothing_is_done_if_an_operation_is_malformed(
    user: Client, operation: object, field: str, message: str
) -> None:
    answer = send(user, NEW, operation, NEW)

    assert answer.status == 422, answer.text
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] == field
    assert user.pages() == []


def test_an_update_without_changes_is_malformed(user: Client) -> None:
    alone = user.send("update_task", user.create()["id"], json_body={})

    answer = send(user, {"op": "update", "id": 1, "changes": {}})

    details = alone.json["details"] | {"field": "operations[0].changes"}
    assert answer.json == {**alone.json, "details": details}


@pytest.mark.parametrize("field", ["due_date", "time_zone"])
def test_nothing_is_done_if_postgres_refuses_a_value(user: Client, field: str) -> None:
    task = user.create()
    bad = {"due_date": "2026-03-09T17:00"} if field == "due_date" else {field: "A/B"}
    alone = user.send("update_task", task["id"], json_body=bad)

    answer = send(user, NEW, {"op": "update", "id": task["id"], "changes": bad}, NEW)

    details = alone.json["details"] | {"field": f"operations[1].changes.{field}"}
    assert answer.status == 422
    assert answer.json == {**alone.json, "details": details}
    assert user.pages() == [task]


def test_all_problems_are_listed(user: Client) -> None:
    answer = send(user, update(None, ""), NEW, {"op": "x"})

    assert [each["field"] for each in answer.json["details"]["errors"]] == [
        "operations[0].id",
        "operations[0].changes.title",
        "operations[2].op",
    ]


@pytest.mark.parametrize(
    "body",
    [{}, {"operations": None}, {"operations": []}, {"operations": [NEW] * 101}],
    ids=["none", "null", "empty", "too many"],
)
def test_a_batch_has_1_to_100_operations(user: Client, body: Json) -> None:
    answer = user.send("batch_tasks", json_body=body)

    assert answer.status == 422
    assert answer.json["message"].startswith(
        "Operations must be a list of 1 to 100 operations"
    )
    assert answer.json["details"]["field"] == "operations"


@pytest.mark.parametrize(("size", "status"), [(2**20, 200), (2**20 + 1, 413)])
def test_a_body_has_at_most_a_mebibyte(user: Client, size: int, status: int) -> None:
    body = json.dumps({"operations": [NEW]})
    body = body.replace("{", '{"ignored": "X", ', 1)
    body = body.replace("X", "x" * (size - len(body) + 1))

    answer = user.send("batch_tasks", body=body)

    assert answer.status == status
    if status == 413:
        assert answer.json == {
            "error": "payload_too_large",
            "message": "The body must be at most 1048576 bytes",
        }


def test_each_write_has_a_number_and_all_become_visible_together(
    user: Client, postgres: Postgres
) -> None:
    old = user.create()
    before = user.send("list_tasks").headers["etag"]

    first, second, _third = results(user, NEW, update(old["id"]), NEW)

    rows = postgres.execute(
        "SELECT id, change FROM tasks WHERE user_id = %s ORDER BY change",
        (user.user_id,),
    ).fetchall()
    [(counter,)] = postgres.execute(
        "SELECT counter FROM change_counters WHERE user_id = %s", (user.user_id,)
    ).fetchall()
    assert [id for id, _change in rows[:2]] == [first["task"]["id"], old["id"]]
    assert len({change for _id, change in rows}) == 3
    assert rows[-1][1] == counter
    assert second["task"]["updated_at"] == first["task"]["created_at"]
    assert user.send("list_tasks", headers={"if-none-match": before}).status == 200


WORST = {"four bytes each": "🎉", "quotes": '"', "backslashes": "\\"}


@pytest.mark.parametrize("character", WORST.values(), ids=WORST)
def test_the_largest_response_fits_into_lambda(
    monkeypatch: pytest.MonkeyPatch,
    postgres: Postgres,
    database: str,
    character: str,
) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    user = user_with_largest_tasks(postgres, character, MOST)
    ids = postgres.execute(
        "SELECT id FROM tasks WHERE user_id = %s ORDER BY id DESC LIMIT 100",
        (user.user_id,),
    )
    operations = [update(id, "🎉" * 200, if_match='"x"') for (id,) in ids]
    sent = event(
        ROUTES["batch_tasks"],
        path={"user_id": user.user_id},
        headers={
            "authorization": f"Bearer {token(user.user_id)}",
            "content-type": "application/json",
        },
        body=json.dumps({"operations": operations}),
    )

    response = importlib.import_module("functions.batch_tasks.app").handler(
        sent, CONTEXT
    )

    found = json.loads(response["body"])["results"]
    assert [len(each["details"]["task"]["tags"]) for each in found] == [20] * MOST
    # Twice as much fits: a result may also have the next task of a recurring one.
    assert 2 * len(marshaller.to_json(response).encode()) < LAMBDA_LIMIT

"""Fifty requests at the same moment, each in an execution environment of its own."""

import fcntl
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.direct import Answer
from tests.support.api import Client
from tests.support.crowd import Crowd

SIZE = 50


@pytest.fixture(scope="module")
def crowd(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Return fifty environments.

    One crowd at a time: the server takes a hundred connections.
    """
    shared = tmp_path_factory.getbasetemp().parent
    with (shared / "crowd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        crowd = Crowd(SIZE, database)
        with crowd.pool:
            yield crowd


def create(user: Client, key: str, title: str = "a") -> tuple[Client, str, Any]:
    request = {"json_body": {"title": title}, "headers": {"idempotency-key": key}}
    return user, "create_task", request


def count(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_creates_with_one_key_make_one_task(crowd: Crowd, user: Client) -> None:
    answers = crowd.send(*[create(user, "k")] * SIZE)

    assert count(answers) == {201: SIZE}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    replayed = Counter(answer.headers.get("idempotent-replayed") for answer in answers)
    assert replayed == {None: 1, "true": SIZE - 1}
    assert user.send("list_tasks").json == [answers[0].json]


def test_creates_with_one_key_and_two_bodies_make_one_task(
    crowd: Crowd, user: Client
) -> None:
    answers = crowd.send(*[create(user, "k", title) for title in "ab" * (SIZE // 2)])

    assert count(answers) == {201: SIZE // 2, 422: SIZE // 2}
    [task] = user.send("list_tasks").json
    assert {a.json["id"] for a in answers if a.status == 201} == {task["id"]}
    assert {a.json["error"] for a in answers if a.status == 422} == {
        "idempotency_key_reused"
    }


def test_keys_of_two_users_do_not_wait_for_each_other(
    crowd: Crowd, user: Client, other: Client
) -> None:
    answers = crowd.send(*[create(user, "k"), create(other, "k")] * (SIZE // 2))

    assert count(answers) == {201: SIZE}
    assert len(user.send("list_tasks").json) == 1
    assert len(other.send("list_tasks").json) == 1


def test_creates_without_a_key_make_fifty_tasks(crowd: Crowd, user: Client) -> None:
    answers = crowd.send(*[(user, "create_task", {"json_body": {"title": "a"}})] * SIZE)

    assert count(answers) == {201: SIZE}
    assert len(user.send("list_tasks").json) == SIZE


def test_keys_may_be_used_while_they_expire(
    crowd: Crowd, user: Client, database: str
) -> None:
    old = [answer.json["id"] for answer in crowd.send(*ten_keys(user))]
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE idempotency_keys SET created_at = '2000-01-01' WHERE user_id = %s",
            (user.user_id,),
        )

    answers = crowd.send(*ten_keys(user))

    assert count(answers) == {201: SIZE}
    made = [a.json["id"] for a in answers if "idempotent-replayed" not in a.headers]
    assert {a.json["id"] for a in answers} <= {*old, *made}
    listed = [task["id"] for task in user.send("list_tasks").json]
    assert sorted(listed) == sorted({*old, *made})
    assert len(made) <= 10


def ten_keys(user: Client) -> list[tuple[Client, str, Any]]:
    return [create(user, f"{n % 10}") for n in range(SIZE)]


def test_of_updates_with_one_etag_one_wins(crowd: Crowd, user: Client) -> None:
    created = user.send("create_task", json_body={"title": "a"})
    headers = {"if-match": created.headers["etag"]}

    answers = crowd.send(
        *[
            (user, "update_task", request(created, {"title": f"by {n}"}, headers))
            for n in range(SIZE)
        ]
    )

    assert count(answers) == {200: 1, 412: SIZE - 1}
    [winner] = [answer.json for answer in answers if answer.status == 200]
    assert user.send("list_tasks").json == [winner]
    refused = [answer.json for answer in answers if answer.status == 412]
    assert all(answer["details"] == {"task": winner} for answer in refused)


def request(
    created: Answer, body: dict[str, Any] | None, headers: dict[str, str]
) -> dict[str, Any]:
    return {"id": created.json["id"], "json_body": body, "headers": headers}


def test_updates_without_a_condition_all_succeed(crowd: Crowd, user: Client) -> None:
    created = user.send("create_task", json_body={"title": "a"})

    answers = crowd.send(
        *[
            (user, "update_task", request(created, {"title": f"by {n}"}, {}))
            for n in range(SIZE)
        ]
    )

    assert count(answers) == {200: SIZE}
    assert len({answer.headers["etag"] for answer in answers}) == SIZE
    last = max(answers, key=lambda answer: answer.json["updated_at"]).json
    assert len({answer.json["updated_at"] for answer in answers}) == SIZE
    assert user.send("list_tasks").json == [last]


@pytest.mark.parametrize("completed", [True, False])
def test_toggles_are_as_if_one_came_after_the_other(
    crowd: Crowd, user: Client, completed: bool
) -> None:
    created = user.send("create_task", json_body={"title": "a", "completed": completed})

    answers = crowd.send(*[(user, "complete_task", request(created, None, {}))] * SIZE)

    assert count(answers) == {200: SIZE}
    in_turn = sorted(answers, key=lambda answer: str(answer.json["updated_at"]))
    assert [answer.json["completed"] for answer in in_turn] == [
        not completed,
        completed,
    ] * (SIZE // 2)
    assert user.send("get_task", created.json["id"]).json["completed"] is completed


@pytest.mark.parametrize(
    ("function", "body", "conditional"),
    [
        ("complete_task", None, False),
        ("complete_task", {"completed": True}, False),
        ("complete_task", {"completed": True}, True),
        ("update_task", {"completed": True}, False),
    ],
    ids=["toggle", "complete", "If-Match", "update"],
)
def test_fifty_that_complete_a_recurring_task_create_one_next_task(
    crowd: Crowd,
    user: Client,
    function: str,
    body: dict[str, Any] | None,
    conditional: bool,
) -> None:
    recurring = {"title": "a", "due_date": "2040-01-01", "recurrence": "daily"}
    created = user.send("create_task", json_body=recurring)
    headers = {"if-match": created.headers["etag"]} if conditional else {}

    answers = crowd.send(*[(user, function, request(created, body, headers))] * SIZE)

    assert count(answers) == ({200: 1, 412: SIZE - 1} if conditional else {200: SIZE})
    [next_task] = [t for t in user.pages() if t["id"] != created.json["id"]]
    assert next_task["due_date"] == "2040-01-02"
    assert next_task["recurrence"] == "FREQ=DAILY"
    if function == "complete_task":
        made = [a.json["next_task"] for a in answers if a.json.get("next_task")]
        assert made == [next_task]


def test_of_deletes_with_one_etag_one_wins(crowd: Crowd, user: Client) -> None:
    created = user.send("create_task", json_body={"title": "a"})
    headers = {"if-match": created.headers["etag"]}

    answers = crowd.send(
        *[(user, "delete_task", request(created, None, headers))] * SIZE
    )

    assert count(answers) == {204: 1, 404: SIZE - 1}


def test_deletes_without_a_condition_find_the_task_once(
    crowd: Crowd, user: Client
) -> None:
    created = user.send("create_task", json_body={"title": "a"})

    answers = crowd.send(*[(user, "delete_task", request(created, None, {}))] * SIZE)

    assert count(answers) == {204: 1, 404: SIZE - 1}


def test_a_task_that_is_deleted_is_not_updated(crowd: Crowd, user: Client) -> None:
    created = user.send("create_task", json_body={"title": "a"})
    headers = {"if-match": created.headers["etag"]}
    update = (user, "update_task", request(created, {"title": "b"}, headers))
    delete = (user, "delete_task", request(created, None, headers))

    answers = crowd.send(*[update, delete] * (SIZE // 2))

    won = [answer for answer in answers if answer.status in (200, 204)]
    assert len(won) == 1
    left = [won[0].json] if won[0].status == 200 else []
    assert {a.status for a in answers} == ({200, 412} if left else {204, 404})
    refused = [answer.json for answer in answers if answer.status == 412]
    assert all(answer["details"]["task"] in left for answer in refused)
    assert user.send("list_tasks").json == left


def test_of_restores_with_one_etag_one_succeeds(crowd: Crowd, user: Client) -> None:
    task = user.create()
    user.send("delete_task", task["id"])
    request = {"id": task["id"], "headers": {"if-match": task["etag"]}}

    answers = crowd.send(*[(user, "restore_task", request)] * SIZE)

    assert count(answers) == {200: 1, 412: SIZE - 1}
    [restored] = [answer.json for answer in answers if answer.status == 200]
    refused = [answer.json for answer in answers if answer.status == 412]
    assert all(each["details"]["task"] == restored for each in refused)
    assert user.send("list_tasks").json == [restored]


def test_restores_without_an_etag_restore_once(crowd: Crowd, user: Client) -> None:
    task = user.create()
    user.send("delete_task", task["id"])

    answers = crowd.send(*[(user, "restore_task", {"id": task["id"]})] * SIZE)

    assert count(answers) == {200: SIZE}
    assert len({answer.text for answer in answers}) == 1
    assert user.send("list_tasks").json == [answers[0].json]


def test_deletes_and_restores_leave_the_task_in_one_place(
    crowd: Crowd, user: Client
) -> None:
    task = user.create()
    request = {"id": task["id"]}

    answers = crowd.send(
        *[(user, "delete_task", request), (user, "restore_task", request)] * (SIZE // 2)
    )

    assert count(answers).keys() <= {200, 204, 404}
    listed, deleted = user.send("list_tasks").json, user.send("list_trash").json
    assert [each["id"] for each in listed + deleted] == [task["id"]]


def test_creates_while_the_user_is_erased_succeed(crowd: Crowd, user: Client) -> None:
    user.create()
    new = (user, "create_task", {"json_body": {"title": "a"}})
    with_key = create(user, "k")

    answers = crowd.send(
        *[new, with_key, (user, "erase_user", {}), (user, "empty_trash", {})] * 12,
        *[(user, "clear_completed", {"query": "status=completed"})] * 2,
    )

    statuses = count(answers)
    assert statuses == {201: 24, 204: 24, 200: 2}
    assert user.send("erase_user").status == 204
    assert user.send("list_tasks").json == []


def batch(user: Client, operations: list[dict[str, Any]]) -> tuple[Client, str, Any]:
    return user, "batch_tasks", {"json_body": {"operations": operations}}


def ten_tasks(user: Client) -> list[int]:
    return [user.create(f"{n}")["id"] for n in range(10)]


def test_batches_in_opposite_orders_do_not_deadlock(crowd: Crowd, user: Client) -> None:
    ids = ten_tasks(user)

    def operations(number: int) -> list[dict[str, Any]]:
        """Return writes that lock each task, also one whose condition fails."""
        change = {"op": "update", "changes": {"title": f"by {number}"}}
        order = ids if number % 2 else ids[::-1]
        return [
            {**change, "id": id, **condition}
            for id in order
            for condition in ({"if_match": '"x"'}, {})
        ]

    answers = crowd.send(*[batch(user, operations(n)) for n in range(SIZE)])

    assert count(answers) == {200: SIZE}
    for answer in answers:
        results = answer.json["results"]
        assert [each["status"] for each in results] == [412, 200] * len(ids)
    listed = user.send("list_tasks").json
    assert len({task["title"] for task in listed}) == 1
    assert {task["etag"] for task in listed} == {f'"{id}-{1 + SIZE}"' for id in ids}


def test_batches_and_single_writes_are_as_if_one_came_after_the_other(
    crowd: Crowd, user: Client
) -> None:
    ids = ten_tasks(user)
    toggles = [{"op": "complete", "id": id} for id in ids]
    half = SIZE // 2

    answers = crowd.send(
        *[batch(user, toggles if n % 2 else toggles[::-1]) for n in range(half)],
        *[(user, "complete_task", {"id": ids[n % 10]}) for n in range(half)],
    )

    assert count(answers) == {200: SIZE}
    listed = {task["id"]: task for task in user.send("list_tasks").json}
    for position, id in enumerate(ids):
        singles = len(range(position, half, 10))
        assert listed[id]["etag"] == f'"{id}-{1 + half + singles}"'
        assert listed[id]["completed"] == bool((half + singles) % 2)


def test_the_same_batch_at_once_makes_each_task_once(
    crowd: Crowd, user: Client
) -> None:
    creates = [
        {"op": "create", "task": {"title": f"{n}"}, "idempotency_key": f"{n}"}
        for n in range(10)
    ]

    answers = crowd.send(
        *[batch(user, creates if n % 2 else creates[::-1]) for n in range(SIZE)]
    )

    assert count(answers) == {200: SIZE}
    made = {each["task"]["id"] for answer in answers for each in answer.json["results"]}
    assert len(made) == len(user.send("list_tasks").json) == 10

"""Recurring tasks: completing one creates the next."""

from typing import Any

import psycopg
import pytest

from taskapi.tasks.fields import NAMES, RULES
from tests.support.api import Client

Postgres = psycopg.Connection[Any]
Json = dict[str, Any]

COMPLETE_BEFORE = """
    UPDATE tasks
       SET completed = TRUE, version = version + 1,
           updated_at = GREATEST(now(), updated_at + interval '1 us')
     WHERE id = %(id)s AND user_id = %(user_id)s
"""
"""As the first release completes a task, which knows neither counter nor recurrence."""

EVERYTHING: Json = {
    "description": "b",
    "priority": "high",
    "tags": ["home", "a"],
    "due_date": "2040-03-09T17:00:00.000000Z",
    "time_zone": "Europe/Berlin",
    "recurrence": "FREQ=WEEKLY;BYDAY=MO",
}


def complete(user: Client, id: int, body: Json | None = None, **request: Any) -> Json:
    answer = user.send("complete_task", id, json_body=body, **request)
    assert answer.status == 200, answer.text
    assert answer.headers["etag"] == answer.json["etag"]
    task: Json = answer.json
    return task


def test_keeps_a_rule_in_one_spelling(user: Client) -> None:
    body = {"due_date": "2040-01-01", "recurrence": "byday=we,mo;freq=weekly"}
    created = user.create(**body)
    updated = user.send(
        "update_task", created["id"], json_body={"recurrence": "daily"}
    ).json

    assert created["recurrence"] == "FREQ=WEEKLY;BYDAY=MO,WE"
    assert updated["recurrence"] == "FREQ=DAILY"
    assert user.send("list_tasks").json == [updated]


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_an_empty_text_clear_it(user: Client, empty: str | None) -> None:
    id = user.create(due_date="2040-01-01", recurrence="daily")["id"]

    cleared = user.send("update_task", id, json_body={"recurrence": empty})

    assert cleared.json["recurrence"] is None
    assert user.create(recurrence=empty)["recurrence"] is None
    assert complete(user, id)["next_task"] is None


MESSAGE = RULES["recurrence"].message
REFUSED = {
    "a number": (1, "Recurrence must be null or text, such as daily, not a number"),
    "a list": ([], "Recurrence must be null or text, such as daily, not an array"),
    "another word": ("hourly", MESSAGE),
    "a part twice": (
        "FREQ=DAILY;FREQ=DAILY",
        "Recurrence must have FREQ only once",
    ),
    "an interval": (
        "FREQ=DAILY;INTERVAL=0",
        "INTERVAL must be a number from 1 to 999",
    ),
}


@pytest.mark.parametrize("function", ["create_task", "update_task"])
@pytest.mark.parametrize(("rule", "message"), REFUSED.values(), ids=REFUSED)
def test_says_what_is_wrong_with_a_rule(
    user: Client, function: str, rule: object, message: str
) -> None:
    id = user.create()["id"] if function == "update_task" else None
    body = {"title": "a", "due_date": "2040-01-01", "recurrence": rule}

    answer = user.send(function, id, json_body=body)

    assert answer.status == 422
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] == "recurrence"


NEEDS_DUE_DATE: Json = {
    "error": "validation_error",
    "message": "Recurrence needs a due_date, from which it counts",
    "details": {"field": "recurrence", "constraint": "RRULE"},
}


def test_needs_a_due_date(user: Client) -> None:
    plain = user.create()["id"]
    recurring = user.create(due_date="2040-01-01", recurrence="daily")

    def send(function: str, id: int | None, body: Json) -> Json:
        answer = user.send(function, id, json_body=body)
        assert answer.status == 422
        refused: Json = answer.json
        return refused

    assert (
        send("create_task", None, {"title": "a", "recurrence": "daily"})
        == send("update_task", plain, {"recurrence": "daily"})
        == send("update_task", recurring["id"], {"due_date": None})
        == send("update_task", recurring["id"], {"due_date": ""})
        == send("update_task", plain, {"recurrence": "daily", "completed": True})
        == send("update_task", recurring["id"], {"due_date": None, "completed": True})
        == NEEDS_DUE_DATE
    )
    assert user.send("get_task", recurring["id"]).json == recurring
    both = {"due_date": None, "recurrence": None}
    assert user.send("update_task", recurring["id"], json_body=both).status == 200


def test_completing_creates_the_next_task(user: Client) -> None:
    task = user.create("a", **EVERYTHING)

    completed = complete(user, task["id"], {"completed": True})

    next_task = completed.pop("next_task")
    assert completed == task | {
        "completed": True,
        "recurrence": None,
        "completed_at": completed["updated_at"],
        "updated_at": completed["updated_at"],
        "etag": f'"{task["id"]}-2"',
    }
    assert next_task == task | {
        "id": next_task["id"],
        "due_date": "2040-03-12T17:00:00.000000Z",
        "created_at": completed["updated_at"],
        "updated_at": completed["updated_at"],
        "etag": f'"{next_task["id"]}-1"',
    }
    assert list(next_task) == list(NAMES)
    assert next_task["id"] > task["id"]
    assert user.send("list_tasks").json == [next_task, completed]
    assert user.send("get_task", next_task["id"]).json == next_task


@pytest.mark.parametrize(
    "body", [{}, {"completed": True}, {"completed": False}], ids=str
)
def test_another_task_has_no_next_one(user: Client, body: Json) -> None:
    id = user.create()["id"]

    assert complete(user, id, body)["next_task"] is None
    assert complete(user, id, body)["next_task"] is None


def test_completing_again_creates_nothing(user: Client) -> None:
    id = user.create(due_date="2040-01-01", recurrence="daily")["id"]

    following = [complete(user, id)["next_task"] for _ in range(5)]

    assert following[0]["due_date"] == "2040-01-02"
    assert following[1:] == [None] * 4
    assert len(user.pages()) == 2


def test_every_way_to_complete_creates_one(user: Client, postgres: Postgres) -> None:
    ids = [user.create(due_date="2040-01-01", recurrence="daily")["id"] for _ in "abc"]

    user.send("update_task", ids[0], json_body={"completed": True})
    values = {"id": ids[1], "user_id": user.user_id}
    postgres.execute(COMPLETE_BEFORE.encode(), values)
    postgres.execute("UPDATE tasks SET completed = TRUE WHERE id = %s", (ids[2],))

    tasks = user.pages(order="asc")
    assert [task["due_date"] for task in tasks] == ["2040-01-01"] * 3 + [
        "2040-01-02"
    ] * 3
    assert [task["recurrence"] for task in tasks] == [None] * 3 + ["FREQ=DAILY"] * 3
    assert [task["completed"] for task in tasks] == [True] * 3 + [False] * 3


def test_the_release_before_erases_no_rule(user: Client, postgres: Postgres) -> None:
    task = user.create(due_date="2040-01-01", recurrence="daily")
    values = {"id": task["id"], "user_id": user.user_id}

    postgres.execute(
        "UPDATE tasks SET title = 'b', due_on = '2040-02-01', due_at = NULL,"
        " version = version + 1 WHERE id = %(id)s AND user_id = %(user_id)s",
        values,
    )

    assert user.send("get_task", task["id"]).json["recurrence"] == "FREQ=DAILY"
    assert complete(user, task["id"])["next_task"]["due_date"] == "2040-02-02"


def test_sending_a_completed_whole_task_completes_it(user: Client) -> None:
    task = user.create(**EVERYTHING)

    answer = user.send(
        "update_task", task["id"], json_body=task | {"completed": True}, method="PUT"
    )

    assert answer.json["recurrence"] is None
    next_task, _ = user.pages()
    assert next_task["recurrence"] == EVERYTHING["recurrence"]


def test_an_update_may_change_the_rule_that_it_moves(user: Client) -> None:
    id = user.create()["id"]
    body = {"completed": True, "due_date": "2040-01-01", "recurrence": "yearly"}

    user.send("update_task", id, json_body=body)

    assert user.pages()[0]["due_date"] == "2041-01-01"


def test_a_condition_that_fails_creates_nothing(user: Client) -> None:
    task = user.create(due_date="2040-01-01", recurrence="daily")
    id, tag = task["id"], task["etag"]
    refused = user.send("complete_task", id, headers={"if-match": f'"{id}-9"'})
    completed = complete(user, id, headers={"if-match": tag})
    again = user.send("complete_task", id, headers={"if-match": tag})

    assert refused.status == again.status == 412
    assert refused.json["details"]["task"] == task
    assert completed["next_task"]["due_date"] == "2040-01-02"
    assert len(user.pages()) == 2


def test_the_write_and_the_next_task_have_one_number(
    user: Client, postgres: Postgres
) -> None:
    last = """
        SELECT array_agg(id ORDER BY id), max(counter)
          FROM tasks JOIN change_counters USING (user_id)
         WHERE user_id = %s AND change = counter
    """

    def written() -> tuple[list[int], int]:
        [(ids, number)] = postgres.execute(last, (user.user_id,))
        return ids, number

    first = user.create(due_date="2040-01-01", recurrence="daily")
    second = complete(user, first["id"])["next_task"]
    seen = [written()]
    tag = second["etag"]
    third = complete(user, second["id"], headers={"if-match": tag})["next_task"]
    seen.append(written())
    values = {"id": third["id"], "user_id": user.user_id}
    postgres.execute(COMPLETE_BEFORE.encode(), values)
    seen.append(written())

    ids = [first["id"], second["id"], third["id"], user.pages()[0]["id"]]
    assert [found for found, _ in seen] == [ids[0:2], ids[1:3], ids[2:4]]
    assert len({number for _, number in seen}) == 3


def test_a_poll_and_the_summary_see_the_next_task(user: Client) -> None:
    id = user.create(due_date="2040-01-01", recurrence="daily")["id"]
    tag = user.send("list_tasks").headers["etag"]

    complete(user, id)

    polled = user.send("list_tasks", headers={"if-none-match": tag})
    assert len(polled.json) == 2
    summary = user.send("summarize_tasks").json
    assert (summary["pending"], summary["completed"]) == (1, 1)


def test_a_key_replays_a_create_with_its_rule(user: Client) -> None:
    body = {"title": "a", "due_date": "2040-01-01", "recurrence": "DAILY"}
    headers = {"idempotency-key": "k"}
    created = user.send("create_task", json_body=body, headers=headers)
    complete(user, created.json["id"])

    again = user.send(
        "create_task", json_body=body | {"recurrence": "FREQ=DAILY"}, headers=headers
    )
    another = user.send(
        "create_task", json_body=body | {"recurrence": "weekly"}, headers=headers
    )

    assert again.json == created.json
    assert again.headers["idempotent-replayed"] == "true"
    assert another.status == 422
    assert len(user.pages()) == 2


def test_a_restored_task_keeps_its_rule(user: Client) -> None:
    task = user.create(**EVERYTHING)
    user.send("delete_task", task["id"])

    [restored] = batch(user, {"op": "restore", "id": task["id"]})

    assert restored["task"]["recurrence"] == EVERYTHING["recurrence"]
    assert complete(user, task["id"])["next_task"]["due_date"].startswith("2040-03-12")


def test_a_client_that_sends_a_whole_task_back_erases_nothing(user: Client) -> None:
    task = user.create(**EVERYTHING)

    updated = user.send("update_task", task["id"], json_body=task, method="PUT").json

    assert updated["recurrence"] == EVERYTHING["recurrence"]


def test_a_rule_that_is_sent_to_a_completed_task_stays(user: Client) -> None:
    """A client sends it back as it was before another completed it."""
    task = user.create(**EVERYTHING)
    complete(user, task["id"])
    old = task | {"completed": True}

    refused = user.send(
        "update_task", task["id"], json_body=old, headers={"if-match": task["etag"]}
    )
    updated = user.send("update_task", task["id"], json_body=old)

    assert refused.status == 412
    assert updated.json["recurrence"] == EVERYTHING["recurrence"]
    assert len(user.pages()) == 2


# Batches


def batch(user: Client, *operations: Json) -> list[Json]:
    answer = user.send("batch_tasks", json_body={"operations": operations})
    assert answer.status == 200, answer.text
    found: list[Json] = answer.json["results"]
    return found


def test_a_batch_creates_the_next_task_once(user: Client) -> None:
    first, second = (
        user.create(due_date=f"2040-01-0{n}", recurrence="daily")["id"] for n in (1, 2)
    )
    plain = user.create()["id"]

    def toggle(id: int, **more: object) -> Json:
        return {"op": "complete", "id": id, **more}

    found = batch(
        user,
        toggle(first),
        toggle(first),
        toggle(first),
        toggle(plain),
        toggle(second, if_match=f'"{second}-9"'),
        toggle(second, if_match=f'"{second}-1"'),
        toggle(second, completed=True),
        {"op": "update", "id": plain, "changes": {"title": "b"}},
    )

    next_tasks = [result.get("next_task") for result in found]
    assert [each["due_date"] if each else None for each in next_tasks] == [
        *("2040-01-02", None, None, None, None, "2040-01-03", None, None)
    ]
    assert [result["status"] for result in found] == [*[200] * 4, 412, *[200] * 3]
    assert "next_task" in found[3]
    assert "next_task" not in found[-1]
    stored = {task["id"]: task for task in user.pages()}
    assert len(stored) == 5
    for each in filter(None, next_tasks):
        assert stored[each["id"]] == each


def test_a_batch_says_which_rule_needs_a_due_date(user: Client) -> None:
    new = {"op": "create", "task": {"title": "a"}}
    bad = {"op": "create", "task": {"title": "a", "recurrence": "daily"}}

    answer = user.send("batch_tasks", json_body={"operations": [new, bad]})

    assert answer.status == 422
    assert answer.json["details"]["field"] == "operations[1].task.recurrence"
    assert user.pages() == []


# Occurrences


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_day_is_after_today_in_the_zone(
    user: Client, postgres: Postgres, zone: str
) -> None:
    created = {"time_zone": zone, "recurrence": "daily", "due_date": "1970-01-01"}
    tomorrow = "SELECT ((now() AT TIME ZONE %s)::date + 1)::text"
    before = postgres.execute(tomorrow, (zone,)).fetchone()

    due = complete(user, user.create(**created)["id"])["next_task"]["due_date"]

    after = postgres.execute(tomorrow, (zone,)).fetchone()
    assert (due,) in (before, after)


def test_a_count_goes_down_to_its_end(user: Client) -> None:
    task = user.create(due_date="2040-01-31", recurrence="FREQ=MONTHLY;COUNT=3")
    seen = []
    following: Json | None = task
    while following:
        seen.append((following["due_date"], following["recurrence"]))
        following = complete(user, following["id"])["next_task"]

    assert seen == [
        ("2040-01-31", "FREQ=MONTHLY;COUNT=3"),
        ("2040-03-31", "FREQ=MONTHLY;COUNT=2"),
        ("2040-05-31", "FREQ=MONTHLY;COUNT=1"),
    ]
    assert [task["recurrence"] for task in user.pages()] == [None] * 3


@pytest.mark.parametrize(
    ("zone", "due"),
    {
        ("Europe/Berlin", "2040-03-24T02:30"): ["01:30", "01:30", "00:30"],
        ("Australia/Lord_Howe", "2040-10-06T02:15"): ["15:45", "15:45", "15:15"],
    }.items(),
    ids=str,
)
def test_a_time_that_clocks_skip_once_does_not_move_for_ever(
    user: Client, zone: tuple[str, str], due: list[str]
) -> None:
    name, start = zone
    following = user.create(due_date=start, time_zone=name, recurrence="daily")
    times = []
    for _ in range(3):
        times.append(following["due_date"][11:16])
        following = complete(user, following["id"])["next_task"]

    assert times == due


def test_a_time_that_was_moved_stays_where_it_was_moved(user: Client) -> None:
    created = {"due_date": "2040-03-24T02:30", "time_zone": "Europe/Berlin"}
    id = user.create(**created, recurrence="daily")["id"]
    skipped = complete(user, id)["next_task"]["id"]
    body = {"due_date": "2040-03-26T03:30"}
    user.send("update_task", skipped, json_body=body)

    following = complete(user, skipped)["next_task"]

    assert following["due_date"] == "2040-03-27T01:30:00.000000Z"


ENDED = {
    "COUNT": ("2040-01-01", "FREQ=DAILY;COUNT=1"),
    "UNTIL": ("2040-01-01", "FREQ=DAILY;UNTIL=20400101"),
    "UNTIL an instant": ("2040-01-01T17:00Z", "FREQ=DAILY;UNTIL=20400102T165959Z"),
    "before the next leap year": ("2040-02-29", "FREQ=YEARLY;UNTIL=20440228"),
    "no such day": ("2040-04-01", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31"),
    "no such days": ("2040-04-01", "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=31"),
    "the last day": ("9999-12-31", "FREQ=DAILY"),
    "the last instant": ("9999-12-31T23:00Z", "FREQ=DAILY"),
    "long ago": ("1970-01-01", "FREQ=DAILY;COUNT=999"),
}


@pytest.mark.parametrize(("due", "rule"), ENDED.values(), ids=ENDED)
def test_a_rule_that_has_ended_has_no_next_task(
    user: Client, due: str, rule: str
) -> None:
    id = user.create(due_date=due, recurrence=rule)["id"]

    completed = complete(user, id)

    assert completed["next_task"] is None
    assert completed["recurrence"] is None
    assert len(user.pages()) == 1


def test_a_column_that_is_added_later_is_copied(
    user: Client, postgres: Postgres
) -> None:
    id = user.create(due_date="2040-01-01", recurrence="daily")["id"]
    values = {"id": id, "user_id": user.user_id}
    following = "SELECT id FROM tasks WHERE user_id = %(user_id)s AND NOT completed"

    with postgres.transaction(force_rollback=True):
        postgres.execute(COMPLETE_BEFORE.encode(), values)
        [(values["id"],)] = postgres.execute(following, values)
        postgres.execute("ALTER TABLE tasks ADD COLUMN starred INT NOT NULL DEFAULT 0")
        postgres.execute("UPDATE tasks SET starred = 1 WHERE id = %(id)s", values)
        postgres.execute(COMPLETE_BEFORE.encode(), values)
        stars = "SELECT sum(starred) FROM tasks WHERE user_id = %(user_id)s"
        found = postgres.execute(stars, values).fetchone()

    assert found == (2,)

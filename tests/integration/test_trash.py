"""Deleted tasks: in the trash for 30 days, restored, emptied, purged."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from taskapi.tasks.fields import NAMES
from tests.support.api import Client
from tests.support.contract import NOT_FOUND
from tests.support.listing import link

Postgres = psycopg.Connection[Any]

AGE = """
    UPDATE trash
       SET deletion = deletion - %(days)s * 86400 * 1000000::bigint,
           deleted_at = deleted_at - make_interval(days => %(days)s)
     WHERE user_id = %(user_id)s
"""
ROWS = "SELECT count(*) FROM trash WHERE user_id = %s"


def age(postgres: Postgres, user: Client, days: int) -> None:
    """Make the user's trash this many days older."""
    postgres.execute(AGE, {"user_id": user.user_id, "days": days})


def rows(postgres: Postgres, user: Client) -> int:
    [(count,)] = postgres.execute(ROWS, (user.user_id,)).fetchall()
    return int(count)


def delete(user: Client, *tasks: dict[str, Any]) -> None:
    for task in tasks:
        assert user.send("delete_task", task["id"]).status == 204


def trash(user: Client) -> list[dict[str, Any]]:
    answer = user.send("list_trash")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json
    return found


def without_time(task: dict[str, Any]) -> dict[str, Any]:
    return {name: task[name] for name in NAMES}


# Restore


def test_a_deleted_task_is_in_the_trash(user: Client) -> None:
    task = user.create(
        "a", description="b\n", tags=["c"], priority="high", due_date="2026-03-09"
    )
    delete(user, task)

    [deleted] = trash(user)
    assert list(deleted) == [*NAMES, "deleted_at"]
    assert deleted == task | {"deleted_at": deleted["deleted_at"]}
    assert deleted["deleted_at"] > task["created_at"]


def test_a_restored_task_keeps_its_id_and_has_a_new_etag(user: Client) -> None:
    task = user.create("a", due_date="2026-03-09T17:00:00Z", completed=True)
    list_etag = user.send("list_tasks").headers["etag"]
    delete(user, task)

    answer = user.send("restore_task", task["id"])

    assert answer.status == 200
    assert answer.json == task | {
        "updated_at": answer.json["updated_at"],
        "etag": answer.headers["etag"],
    }
    assert answer.json["etag"] != task["etag"]
    assert answer.json["updated_at"] > task["updated_at"]
    assert user.send("get_task", task["id"]).json == answer.json
    assert user.send("list_tasks").headers["etag"] != list_etag
    assert trash(user) == []


def test_a_task_can_be_deleted_and_restored_again_and_again(user: Client) -> None:
    task = user.create()
    etags = [task["etag"]]

    for _ in range(3):
        delete(user, task)
        assert user.send("get_task", task["id"]).json == NOT_FOUND
        etags.append(user.send("restore_task", task["id"]).headers["etag"])
    changed = user.send("update_task", task["id"], json_body={"title": "b"})

    assert len({*etags, changed.headers["etag"]}) == 5
    assert user.send("list_tasks").json == [changed.json]


def test_restoring_a_task_that_is_not_deleted_changes_nothing(user: Client) -> None:
    task = user.create()
    list_etag = user.send("list_tasks").headers["etag"]

    for headers in ({}, {"if-match": task["etag"]}, {"if-match": "*"}):
        answer = user.send("restore_task", task["id"], headers=headers)
        assert (answer.status, answer.json) == (200, task)

    assert user.send("list_tasks").headers["etag"] == list_etag


def test_restores_the_version_that_was_deleted(user: Client) -> None:
    task = user.create()
    delete(user, task)

    wrong = {"if-match": f'"{task["id"]}-7", W/{task["etag"]}'}
    refused = user.send("restore_task", task["id"], headers=wrong)
    in_trash = trash(user)
    right = {"if-match": f'"{task["id"]}-7", {task["etag"]}'}
    restored = user.send("restore_task", task["id"], headers=right)
    again = user.send("restore_task", task["id"], headers=right)

    assert refused.status == 412
    assert refused.json["details"] == {"task": task}
    assert [without_time(each) for each in in_trash] == [task]
    assert restored.status == 200
    assert again.status == 412
    assert again.json["details"] == {"task": restored.json}


def test_restores_nobody_elses_task(user: Client, other: Client) -> None:
    task = user.create()
    delete(user, task)

    answer = other.send("restore_task", task["id"])

    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert trash(other) == other.send("list_tasks").json == []
    assert len(trash(user)) == 1


def test_a_task_in_the_trash_does_not_exist_for_other_routes(user: Client) -> None:
    task = user.create()
    delete(user, task)

    for function in ("get_task", "update_task", "complete_task", "delete_task"):
        for tag in ("*", task["etag"]):
            body = {"title": "b"} if function == "update_task" else None
            headers = {"if-match": tag}
            answer = user.send(function, task["id"], json_body=body, headers=headers)
            assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert user.send("list_tasks").json == []
    assert len(trash(user)) == 1


def test_a_replayed_create_still_gives_the_first_answer(user: Client) -> None:
    request: dict[str, Any] = {
        "json_body": {"title": "a"},
        "headers": {"idempotency-key": "k"},
    }
    task = user.send("create_task", **request).json

    for step in ("delete_task", "restore_task", "delete_task"):
        user.send(step, task["id"])
        replayed = user.send("create_task", **request)
        assert (replayed.status, replayed.json) == (201, task)
        assert replayed.headers["idempotent-replayed"] == "true"
    assert user.send("list_tasks").json == []
    assert len(trash(user)) == 1


def test_what_the_release_before_and_psql_delete_is_in_the_trash(
    user: Client, other: Client, postgres: Postgres
) -> None:
    task, others = user.create("a"), other.create("b")
    before = user.send("list_tasks").headers["etag"]

    postgres.execute(
        "DELETE FROM tasks WHERE user_id = ANY (%s)", ([user.user_id, other.user_id],)
    )

    assert user.send("list_tasks").headers["etag"] != before
    assert [without_time(each) for each in trash(user)] == [task]
    assert [without_time(each) for each in trash(other)] == [others]
    assert user.send("restore_task", task["id"]).status == 200


def test_psql_can_put_a_task_back(user: Client, postgres: Postgres) -> None:
    task = user.create("a")
    delete(user, task)

    postgres.execute(
        "INSERT INTO tasks SELECT restored.* FROM trash,"
        " jsonb_populate_record(NULL::tasks, task) AS restored"
        " WHERE trash.user_id = %s",
        (user.user_id,),
    )

    assert user.send("get_task", task["id"]).json == task
    assert rows(postgres, user) == 0
    delete(user, task)
    assert len(trash(user)) == 1


def test_psql_can_move_a_task_to_another_user_and_back(
    user: Client, other: Client, postgres: Postgres
) -> None:
    task = user.create("a")
    for owner in (other, user):
        postgres.execute(
            "UPDATE tasks SET user_id = %s WHERE id = %s", (owner.user_id, task["id"])
        )

    assert rows(postgres, user) == 0
    assert rows(postgres, other) == 1
    assert trash(other) == []
    delete(user, task)
    assert len(trash(user)) == 1


# List


def test_lists_the_newest_deletion_first(user: Client) -> None:
    tasks = [user.create(str(number)) for number in range(4)]
    order = [tasks[2], tasks[0], tasks[3], tasks[1]]
    delete(user, *order)

    assert [without_time(each) for each in trash(user)] == order[::-1]


def paged(user: Client, limit: int) -> list[dict[str, Any]]:
    found, following = [], f"limit={limit}"
    while following:
        answer = user.send("list_trash", query=following)
        assert answer.status == 200, answer.text
        assert len(answer.json) <= limit
        found += answer.json
        following = link(answer.headers) or ""
    return found


def test_pages_go_through_tasks_that_were_deleted_at_once(user: Client) -> None:
    for number in range(7):
        user.create(str(number), completed=number < 5)
    user.send("clear_completed", query="status=completed")
    delete(user, *user.send("list_tasks").json)

    found = paged(user, 2)

    assert found == trash(user)
    assert [task["title"] for task in found] == ["5", "6", "4", "3", "2", "1", "0"]


def test_a_page_goes_on_where_the_last_one_ended(user: Client) -> None:
    tasks = [user.create(str(number)) for number in range(5)]
    delete(user, *tasks[:4])

    first = user.send("list_trash", query="limit=2&x=1")
    user.send("restore_task", tasks[2]["id"])
    delete(user, tasks[4])
    second = user.send("list_trash", query=str(link(first.headers)))

    assert [task["title"] for task in first.json] == ["3", "2"]
    assert [task["title"] for task in second.json] == ["1", "0"]
    assert "x=1" in str(link(first.headers))
    assert link(second.headers) is None


@pytest.fixture
def cursor(user: Client) -> str:
    """Return the cursor of the second page of the trash."""
    delete(user, user.create(), user.create())
    following = link(user.send("list_trash", query="limit=1").headers)
    assert following
    return following.partition("cursor=")[2]


def refused(user: Client, cursor: str) -> bool:
    answer = user.send("list_trash", query=f"cursor={quote(cursor, safe='')}")
    details = {"field": "cursor", "constraint": "from a Link header"}
    return answer.status == 422 and answer.json["details"] == details


def test_a_cursor_is_only_for_the_trash_of_its_user(
    user: Client, other: Client, cursor: str
) -> None:
    user.create()
    user.create()
    of_a_list = str(link(user.send("list_tasks", query="limit=1").headers))

    assert not refused(user, cursor)
    assert refused(other, cursor)
    assert refused(user, of_a_list.partition("cursor=")[2])
    assert user.send("list_tasks", query=f"cursor={cursor}").status == 422


@pytest.mark.parametrize(
    "position",
    ['["x", 1]', '["1e99", 1]', '["1", 9999999999999999999999]', "[null, 1]"],
)
def test_a_forged_cursor_is_refused(user: Client, position: str) -> None:
    forged = urlsafe_b64encode(bytes(16) + position.encode()).decode().rstrip("=")

    assert refused(user, forged)


@pytest.mark.parametrize("limit", ["0", "201", "x", ""])
def test_a_bad_limit_is_refused(user: Client, limit: str) -> None:
    answer = user.send("list_trash", query=f"limit={limit}")

    assert answer.status == 422
    assert answer.json["details"]["field"] == "limit"


def test_a_column_that_was_added_since_has_its_default(
    user: Client, postgres: Postgres
) -> None:
    task = user.create("a", priority="high", tags=["b"])
    delete(user, task)
    postgres.execute(
        "UPDATE trash SET task = task - '{priority,tags,due_at}'::text[]"
        " WHERE user_id = %s",
        (user.user_id,),
    )
    expected = task | {"priority": "medium", "tags": []}

    [deleted] = trash(user)
    tag = {"if-match": '"x"'}
    refused = user.send("restore_task", task["id"], headers=tag)
    restored = user.send("restore_task", task["id"]).json

    assert without_time(deleted) == expected
    assert refused.json["details"]["task"] == expected
    assert restored == expected | {
        "updated_at": restored["updated_at"],
        "etag": restored["etag"],
    }


def test_a_column_that_was_dropped_since_is_ignored(
    user: Client, postgres: Postgres
) -> None:
    task = user.create("a")
    delete(user, task)
    postgres.execute(
        """UPDATE trash SET task = task || '{"dropped": 1}' WHERE user_id = %s""",
        (user.user_id,),
    )

    assert [without_time(each) for each in trash(user)] == [task]
    assert user.send("restore_task", task["id"]).status == 200


def test_a_generated_column_is_generated_again(
    user: Client, postgres: Postgres
) -> None:
    postgres.execute(
        "ALTER TABLE tasks ADD COLUMN words INT"
        " GENERATED ALWAYS AS (length(title)) STORED"
    )
    try:
        task = user.create()
        delete(user, task)
        answer = user.send("restore_task", task["id"])
    finally:
        postgres.execute("ALTER TABLE tasks DROP COLUMN words")

    assert answer.status == 200, answer.text


def test_a_task_that_was_completed_long_ago_keeps_that_time(
    user: Client, postgres: Postgres
) -> None:
    """Rows that an older release completed have no completed_at."""
    task = user.create(completed=True)
    with postgres.transaction():
        postgres.execute("SET LOCAL session_replication_role = replica")
        postgres.execute(
            "UPDATE tasks SET completed_at = NULL, updated_at = '2020-01-01Z'"
            " WHERE user_id = %s",
            (user.user_id,),
        )
    delete(user, task)

    restored = user.send("restore_task", task["id"]).json

    assert restored["completed_at"] == "2020-01-01T00:00:00.000000Z"


# 30 days


def test_a_task_is_in_the_trash_for_30_days(user: Client, postgres: Postgres) -> None:
    task = user.create()
    delete(user, task)

    age(postgres, user, 29)
    assert len(trash(user)) == 1
    age(postgres, user, 1)

    assert trash(user) == []
    for headers in ({}, {"if-match": task["etag"]}, {"if-match": '"x"'}):
        answer = user.send("restore_task", task["id"], headers=headers)
        assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("write", ["create_task", "delete_task", "clear_completed"])
def test_a_write_purges_two_tasks_after_31_days(
    user: Client, other: Client, postgres: Postgres, write: str
) -> None:
    delete(user, *[user.create() for _ in range(5)])
    delete(other, other.create())
    tasks = [user.create(completed=True) for _ in range(2)]

    def purged() -> int:
        """Return how many rows a write takes from the trash."""
        before = rows(postgres, user)
        if write == "create_task":
            user.create()
        elif write == "delete_task":
            delete(user, tasks.pop())
            before += 1
        else:
            before += int(user.send(write, query="status=completed").json["deleted"])
        return before - rows(postgres, user)

    age(postgres, user, 30)
    age(postgres, other, 32)
    early = purged()
    user.create(completed=True)
    age(postgres, user, 1)

    assert (early, purged()) == (0, 2)
    assert rows(postgres, other) == 1


# Empty


def test_an_emptied_trash_has_ids_and_numbers_and_no_text(
    user: Client, postgres: Postgres
) -> None:
    task = user.create("a")
    user.create("b", completed=True)
    delete(user, task)
    user.send("clear_completed", query="status=completed")
    list_etag = user.send("list_tasks").headers["etag"]

    answer = user.send("empty_trash")

    assert (answer.status, answer.text) == (204, "")
    assert trash(user) == []
    assert user.send("restore_task", task["id"]).json == NOT_FOUND
    assert user.send("list_tasks").headers["etag"] == list_etag
    columns = ", ".join(
        f"count({name})"
        for (name,) in postgres.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = 'trash'::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attname NOT IN ('user_id', 'id', 'deletion', 'deleted_at')"
        )
    )
    filled = postgres.execute(
        f"SELECT count(*), {columns} FROM trash WHERE user_id = %s".encode(),
        (user.user_id,),
    ).fetchall()
    assert filled == [(2, 0)]


def test_empties_only_the_callers_trash(user: Client, other: Client) -> None:
    delete(other, other.create())

    assert user.send("empty_trash").status == 204
    assert user.send("empty_trash").status == 204

    assert len(trash(other)) == 1


def test_what_is_deleted_later_is_in_the_trash_again(user: Client) -> None:
    tasks = [user.create(), user.create()]
    delete(user, tasks[0])
    user.send("empty_trash")
    delete(user, tasks[1])

    assert [without_time(task) for task in trash(user)] == [tasks[1]]

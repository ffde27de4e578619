"""The feed of changes: a client that applies them has what a list returns."""

from typing import Any

import psycopg
import pytest

from taskapi.tasks.change_feed import CHANGES
from tests.support.api import Client
from tests.support.listing import insert
from tests.support.synced_copy import Change, Copy

Postgres = psycopg.Connection[Any]

ALIKE = "timestamptz '2026-01-01 12:00:00Z'"
MANY = f"SELECT 'a', n % 2 = 0, {ALIKE}, {ALIKE} FROM generate_series(1, %s) AS n"


def insert_many(postgres: Postgres, user: Client, count: int) -> list[int]:
    """Insert tasks, half of them completed, all with one number."""
    return insert(postgres, user, MANY.replace("%s", str(count)))


def ids(changes: list[Change]) -> list[int]:
    return [change["id"] for change in changes]


def deleted(changes: list[Change]) -> set[int]:
    return {change["id"] for change in changes if change["task"] is None}


@pytest.fixture
def copy(user: Client) -> Copy:
    """Return an empty copy, whose pages have two changes."""
    return Copy(user, limit=2)


def test_without_since_has_every_task(user: Client, copy: Copy) -> None:
    created = [user.create(f"task {n}", tags=["a"]) for n in range(5)]

    changes = copy.read()

    assert changes == [{"id": task["id"], "task": task} for task in created]
    assert copy.listed() == user.pages()


def test_has_nothing_of_a_user_without_tasks(copy: Copy) -> None:
    assert copy.read() == []
    assert copy.read() == []


def test_is_not_cached(user: Client) -> None:
    answer = user.send("list_changes")

    assert list(answer.json) == ["changes", "token", "more"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("limit", ["1", "200"])
def test_a_page_has_at_most_the_limit(user: Client, limit: str) -> None:
    user.create()
    user.create()

    answer = user.send("list_changes", query={"limit": limit}).json

    assert len(answer["changes"]) == min(int(limit), 2)
    assert answer["more"] == (limit == "1")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "+5", "1_0", "1.0", "", "x", "٣"])
def test_refuses_a_limit(user: Client, limit: str) -> None:
    answer = user.send("list_changes", query={"limit": limit})

    assert answer.status == 422
    assert answer.json["details"] == {
        "field": "limit",
        "constraint": "minimum=1, maximum=200",
    }


def test_several_writes_to_a_task_are_one_change(user: Client, copy: Copy) -> None:
    task, other = user.create(), user.create()
    copy.read()
    user.send("update_task", task["id"], json_body={"title": "b"})
    user.send("complete_task", task["id"])
    user.send("update_task", other["id"], json_body={"title": "c"})
    user.send("complete_task", task["id"])

    changes = copy.read()

    now = user.send("get_task", task["id"]).json
    assert ids(changes) == [other["id"], task["id"]]
    assert changes[-1] == {"id": task["id"], "task": now}


def test_what_is_written_while_pages_are_read_comes_at_their_end(
    user: Client, copy: Copy
) -> None:
    first, *others = [user.create()["id"] for _ in range(4)]
    page, more = copy.read_page()
    user.send("complete_task", first)

    rest = copy.read()

    assert (ids(page), more) == ([first, others[0]], True)
    assert ids(rest) == [*others[1:], first]
    assert copy.listed() == user.pages()


def test_reports_a_deletion(user: Client, copy: Copy) -> None:
    task = user.create()
    copy.read()
    user.send("delete_task", task["id"])
    [trashed] = user.send("list_trash").json

    changes = copy.read()

    assert changes == [
        {"id": task["id"], "task": None, "deleted_at": trashed["deleted_at"]}
    ]
    assert copy.read() == []


def test_a_new_copy_has_no_deletions_from_before(user: Client, copy: Copy) -> None:
    kept, gone = user.create(), user.create()
    user.send("delete_task", gone["id"])

    assert ids(copy.read()) == [kept["id"]]


def test_a_new_copy_has_the_deletions_since_its_first_page(
    user: Client, copy: Copy
) -> None:
    before, first, second, third, fourth = [user.create()["id"] for _ in range(5)]
    user.send("delete_task", before)
    page, _ = copy.read_page()
    user.send("delete_task", first)
    user.send("delete_task", fourth)

    rest = copy.read()

    assert ids(page) == [first, second]
    assert deleted(rest) == {first, fourth}
    assert [*copy.tasks] == [second, third]


def test_a_task_that_was_created_and_deleted_in_between_is_deleted(
    user: Client, copy: Copy
) -> None:
    copy.read()
    id = user.create()["id"]
    user.send("delete_task", id)

    assert deleted(copy.read()) == {id}


def test_a_deletion_is_reported_to_all_clients(user: Client, copy: Copy) -> None:
    other = Copy(user)
    id = user.create()["id"]
    copy.read()
    other.read()
    user.send("delete_task", id)

    assert deleted(copy.read()) == deleted(other.read()) == {id}


def test_reports_a_restored_task(user: Client, copy: Copy) -> None:
    """Whether or not the client has heard that it was deleted."""
    late, task = Copy(user), user.create()
    late.read()
    user.send("delete_task", task["id"])
    copy.read()
    restored = user.send("restore_task", task["id"]).json

    expected = [{"id": task["id"], "task": restored}]
    assert copy.read() == expected
    assert late.read() == expected
    user.send("delete_task", task["id"])
    assert deleted(copy.read()) == {task["id"]}


def test_what_was_in_an_emptied_trash_stays_deleted(user: Client, copy: Copy) -> None:
    id = user.create()["id"]
    copy.read()
    user.send("delete_task", id)
    user.send("empty_trash")

    assert deleted(copy.read()) == {id}
    assert copy.read() == []


def test_pages_divide_what_one_statement_has_deleted(
    user: Client, postgres: Postgres
) -> None:
    every = insert_many(postgres, user, 60)
    copy = Copy(user, limit=7)
    copy.read()

    cleared = user.send("clear_completed", query="status=completed")
    pages = [copy.read_page() for _ in range(5)]

    assert cleared.json == {"deleted": 30}
    assert [(len(changes), more) for changes, more in pages] == [
        *[(7, True)] * 4,
        (2, False),
    ]
    assert sorted(copy.tasks) == every[::2]
    assert copy.listed() == user.pages()


def test_all_of_five_hundred_deletions_are_reported(
    user: Client, postgres: Postgres
) -> None:
    insert_many(postgres, user, 1000)
    copy = Copy(user)
    copy.read()
    user.send("clear_completed", query="status=completed")

    assert len(deleted(copy.read())) == 500
    assert copy.listed() == user.pages()


def test_pages_divide_tasks_from_before_the_counter(
    user: Client, postgres: Postgres
) -> None:
    """They all have the number 0."""
    user.send("delete_task", user.create()["id"])
    with postgres.transaction():
        postgres.execute("SET LOCAL session_replication_role = replica")
        every = insert_many(postgres, user, 1000)
    copy = Copy(user, limit=130)

    assert ids(copy.read()) == every
    assert copy.listed() == user.pages()
    assert copy.read() == []


def write_by_psql(postgres: Postgres, sql: str, user: Client, **values: object) -> None:
    postgres.execute(sql.encode(), {"user_id": user.user_id, **values})


def test_reports_what_is_written_by_psql(
    user: Client, other: Client, postgres: Postgres
) -> None:
    copy, others = Copy(user), Copy(other)
    moved, removed, updated = [user.create()["id"] for _ in range(3)]
    copy.read()
    others.read()
    for sql in (
        "INSERT INTO tasks (user_id, title) VALUES (%(user_id)s, 'new')",
        "UPDATE tasks SET title = 'b' WHERE user_id = %(user_id)s AND id = %(updated)s",
        "DELETE FROM tasks WHERE user_id = %(user_id)s AND id = %(removed)s",
        "UPDATE tasks SET user_id = %(other)s"
        " WHERE user_id = %(user_id)s AND id = %(moved)s",
    ):
        write_by_psql(
            postgres,
            sql,
            user,
            moved=moved,
            removed=removed,
            updated=updated,
            other=other.user_id,
        )

    assert deleted(copy.read()) == {moved, removed}
    assert ids(others.read()) == [moved]
    copy.assert_complete()
    others.assert_complete()


def test_reports_a_task_that_is_moved_away_and_back(
    user: Client, other: Client, postgres: Postgres
) -> None:
    copy, others = Copy(user), Copy(other)
    id = user.create()["id"]
    for _ in range(2):
        for source, target in ((user, other), (other, user)):
            sql = "UPDATE tasks SET user_id = %(target)s WHERE user_id = %(user_id)s"
            write_by_psql(postgres, sql, source, target=target.user_id)
            copy.assert_complete()
            others.assert_complete()

    assert [*copy.tasks] == [id]
    assert [*others.tasks] == []


def test_a_change_that_commits_late_is_not_skipped(
    user: Client, postgres: Postgres
) -> None:
    """Its times are older than those of what was reported before."""
    copy = Copy(user)
    early, late = user.create(), user.create()
    copy.read()
    with postgres.transaction():
        write_by_psql(postgres, "SELECT now()", user)
        newer = Client(f"{user.user_id} of somebody else").create()
        assert copy.read() == []
        write_by_psql(
            postgres,
            "UPDATE tasks SET title = 'late', updated_at = now()"
            " WHERE user_id = %(user_id)s AND id = %(id)s",
            user,
            id=late["id"],
        )
        assert copy.read() == []
    updated = user.send("get_task", late["id"]).json

    assert updated["updated_at"] < newer["updated_at"]
    assert copy.read() == [{"id": late["id"], "task": updated}]
    assert copy.tasks[early["id"]] == early


def test_has_no_task_of_another_user(user: Client, other: Client, copy: Copy) -> None:
    task = user.create()
    other.send("delete_task", other.create()["id"])
    other.create()

    assert ids(copy.read()) == [task["id"]]


PLACES = {"at the beginning": 0, "in the middle": 2_000, "at the end": 3_990}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_page_reads_one_range_of_each_index(
    user: Client, postgres: Postgres, place: int, mode: str
) -> None:
    """Wherever it begins, and whether or not Postgres knows the values."""
    every = insert_many(postgres, user, 4_000)
    user.send("clear_completed", query="status=completed")
    [(number,)] = postgres.execute(
        "SELECT DISTINCT change FROM tasks WHERE user_id = %s", (user.user_id,)
    )
    values = {
        "user_id": user.user_id,
        "number": number,
        "id": every[place],
        "deletion": 0,
        "deleted": 0,
        "limit": 200,
    }
    with psycopg.ClientCursor(postgres) as cursor:
        cursor.execute(f"SET plan_cache_mode = {mode}".encode())
        cursor.execute(f"PREPARE page AS {numbered(CHANGES, [*values])}".encode())
        [(plan,)] = cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page (%s, %s, %s, %s, %s, %s)",
            [*values.values()],
        ).fetchall()

    nodes = nodes_of(plan[0]["Plan"])
    assert [node for node in nodes if node["Node Type"] == "Sort"] == []
    read = {
        node["Index Name"]: node["Actual Rows"]
        for node in nodes
        if "Index Name" in node
    }
    assert read.keys() >= {"tasks_by_change", "trash_by_deletion"}
    assert max(read.values()) <= 201


def numbered(sql: str, names: list[str]) -> str:
    """Return a statement with $1 for the first of these parameters."""
    for number, name in enumerate(names, 1):
        sql = sql.replace(f"%({name})s", f"${number}")
    return sql


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a plan."""
    children = [nodes_of(child) for child in plan.get("Plans", [])]
    return [plan, *(node for found in children for node in found)]

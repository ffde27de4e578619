"""Any operations by any users, compared with a model after each: nobody sees more."""

import uuid
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from local.direct import Answer
from tests.support.api import Client
from tests.support.list_oracle import expected_list
from tests.support.listing import SORTS

USERS = st.sampled_from(["alice", "bob", "carol"])
TITLES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200)
DESCRIPTIONS = st.none() | st.text(st.characters(exclude_categories=["C"]), max_size=50)
TAGS = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=","))
    .map(lambda text: text[:50])
    .filter(bool),
    max_size=20,
    unique=True,
)
DAYS = st.dates(date(1970, 1, 1)).map(date.isoformat)
INSTANTS = st.datetimes(datetime(1970, 1, 1)).map(
    lambda time: f"{time.isoformat(timespec='microseconds')}Z"
)
ZONES = st.sampled_from([None, "UTC", "Europe/Berlin", "Asia/Kolkata"])
OPTIONAL = {
    "description": DESCRIPTIONS,
    "completed": st.booleans(),
    "priority": st.sampled_from(["low", "medium", "high", "urgent"]),
    "tags": TAGS,
    "due_date": st.none() | DAYS | INSTANTS,
    "time_zone": ZONES,
}
"""What a body may leave out, as answers have it."""

BODIES = st.fixed_dictionaries({"title": TITLES}, optional=OPTIONAL)
CHANGES = st.fixed_dictionaries({}, optional={"title": TITLES, **OPTIONAL}).filter(bool)


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["all", "pending", "completed"]),
        "sort": st.sampled_from(["created", "updated", *SORTS]),
        "order": st.sampled_from(["asc", "desc"]),
        "search": st.sampled_from(["%", "_", "\\", "a", "É"]) | TITLES,
        "priority": st.sampled_from(["medium", "low,high,urgent"]),
        "tags": st.sampled_from(["0", "0,1"]),
        "due_from": DAYS | INSTANTS,
        "due_before": DAYS | INSTANTS,
        "time_zone": st.sampled_from(["UTC", "Asia/Kolkata"]),
    },
)


class Model:
    """One user's tasks as they should be, newest last."""

    def __init__(self) -> None:
        self.client = Client(f"{uuid.uuid4()}")
        self.tasks: dict[int, dict[str, Any]] = {}
        self.trash: dict[int, dict[str, Any]] = {}
        """Deleted tasks, the latest last."""
        self.keys: set[str] = set()
        self.etags: dict[int, str] = {}
        self.listed: list[dict[str, Any]] = []
        self.list_etag = ""

    def keep(self, answer: Answer) -> int:
        """Take over a task as it was answered; return its id."""
        task: dict[str, Any] = answer.json
        task.pop("next_task", None)
        self.tasks[task["id"]] = task
        self.etags[task["id"]] = answer.headers["etag"]
        return int(task["id"])


class Api(RuleBasedStateMachine):
    """Three users, each knowing the ids of everybody's tasks."""

    ids: Bundle[int] = Bundle("ids")
    keys: Bundle[tuple[str, str, dict[str, Any]]] = Bundle("keys")

    @initialize()
    def start(self) -> None:
        self.users = {name: Model() for name in ("alice", "bob", "carol")}

    def send(self, user: str, function: str, id: int, **request: Any) -> Answer | None:
        """Send a request for a task; return the answer if the task is the user's."""
        model = self.users[user]
        answer = model.client.send(function, id, **request)
        if id in model.tasks:
            return answer
        assert answer.status == 404
        assert answer.json == {"error": "not_found", "message": "Task not found"}
        return None

    @rule(target=ids, user=USERS, body=BODIES)
    def create(self, user: str, body: dict[str, Any]) -> int:
        answer = self.users[user].client.send("create_task", json_body=body)

        task = answer.json
        assert answer.status == 201
        assert task == task | body
        assert task["completed_at"] == (
            task["created_at"] if task["completed"] else None
        )
        return self.users[user].keep(answer)

    @rule(target=keys, user=USERS, key=st.sampled_from(["a", "b"]), title=TITLES)
    def create_with_key(self, user: str, key: str, title: str) -> Any:
        key = f"{key} {uuid.uuid4()}"

        answer = self.users[user].client.send(
            "create_task", json_body={"title": title}, headers={"idempotency-key": key}
        )

        assert answer.status == 201
        assert "idempotent-replayed" not in answer.headers
        self.users[user].keep(answer)
        self.users[user].keys.add(key)
        return user, key, answer.json

    @rule(known=keys)
    def replay(self, known: tuple[str, str, dict[str, Any]]) -> None:
        user, key, task = known
        assume(key in self.users[user].keys)

        answer = self.users[user].client.send(
            "create_task",
            json_body={"title": task["title"], "completed": False},
            headers={"idempotency-key": key},
        )

        assert (answer.status, answer.json) == (201, task)
        assert answer.headers["idempotent-replayed"] == "true"

    @rule(target=ids, known=keys)
    def know_the_task_of_a_key(self, known: tuple[str, str, dict[str, Any]]) -> Any:
        """Let it be changed and deleted as well: a replay stays as it was."""
        return known[2]["id"]

    @rule(known=keys, title=TITLES)
    def reuse_key(self, known: tuple[str, str, dict[str, Any]], title: str) -> None:
        user, key, task = known
        assume(key in self.users[user].keys)

        answer = self.users[user].client.send(
            "create_task",
            json_body={"title": task["title"], "completed": True},
            headers={"idempotency-key": key},
        )

        assert answer.status == 422
        assert answer.json["error"] == "idempotency_key_reused"

    @rule(user=USERS, id=ids)
    def get(self, user: str, id: int) -> None:
        answer = self.send(user, "get_task", id)

        if answer:
            assert answer.json == self.users[user].tasks[id]
            assert answer.headers["etag"] == self.users[user].etags[id]

    @rule(user=USERS, id=ids)
    def get_unchanged(self, user: str, id: int) -> None:
        etag = self.users[user].etags.get(id, "*")

        answer = self.send(user, "get_task", id, headers={"if-none-match": etag})

        assert answer is None or (answer.status, answer.text) == (304, "")

    @rule(user=USERS, id=ids, changes=CHANGES, method=st.sampled_from(["PUT", "PATCH"]))
    def update(self, user: str, id: int, changes: dict[str, Any], method: str) -> None:
        before = self.users[user].tasks.get(id, {})

        answer = self.send(user, "update_task", id, json_body=changes, method=method)

        self.expect(user, answer, before | changes)

    @rule(user=USERS, id=ids, completed=st.sampled_from([None, True, False]))
    def complete(self, user: str, id: int, completed: bool | None) -> None:
        body = None if completed is None else {"completed": completed}
        before = self.users[user].tasks.get(id, {"completed": False})
        after = not before["completed"] if completed is None else completed

        answer = self.send(user, "complete_task", id, json_body=body)

        self.expect(user, answer, before | {"completed": after})

    def expect(self, user: str, answer: Answer | None, task: dict[str, Any]) -> None:
        """Check that a write gave this task, with a new time and a new ETag."""
        if answer:
            assert answer.status == 200
            assert answer.json["updated_at"] > task["updated_at"]
            assert answer.json["etag"] == answer.headers["etag"] != task["etag"]
            before = self.users[user].tasks[task["id"]]
            is_new = task["completed"] and not before["completed"]
            since = answer.json["updated_at"] if is_new else before["completed_at"]
            answered = {name: answer.json[name] for name in task}
            assert answered == task | {
                "completed_at": since if task["completed"] else None,
                "updated_at": answer.json["updated_at"],
                "etag": answer.headers["etag"],
            }
            assert answer.headers["etag"] != self.users[user].etags[task["id"]]
            self.users[user].keep(answer)

    @rule(user=USERS, id=ids, current=st.booleans())
    def update_if_unchanged(self, user: str, id: int, current: bool) -> None:
        etag = self.users[user].etags.get(id, '"1-1"') if current else f'"{id}-999"'
        before = self.users[user].tasks.get(id, {})

        answer = self.send(
            user,
            "update_task",
            id,
            json_body={"title": "x"},
            headers={"if-match": etag},
        )

        if answer and current:
            self.expect(user, answer, before | {"title": "x"})
        elif answer:
            assert answer.status == 412

    @rule(user=USERS, id=ids)
    def delete_stale(self, user: str, id: int) -> None:
        answer = self.send(user, "delete_task", id, headers={"if-match": f'"{id}-999"'})

        assert answer is None or answer.status == 412

    @rule(user=USERS, id=ids)
    def delete(self, user: str, id: int) -> None:
        answer = self.send(user, "delete_task", id)

        if answer:
            assert answer.status == 204
            model = self.users[user]
            model.trash[id] = model.tasks.pop(id)

    @rule(user=USERS, id=ids)
    def restore(self, user: str, id: int) -> None:
        model = self.users[user]
        before = model.trash.pop(id, None)
        if before:
            model.tasks[id] = before

        answer = self.send(user, "restore_task", id)

        if answer and before:
            self.expect(user, answer, before)
        elif answer:
            assert (answer.status, answer.json) == (200, model.tasks[id])

    @rule(user=USERS)
    def clear(self, user: str) -> None:
        model = self.users[user]
        completed = sorted(id for id, task in model.tasks.items() if task["completed"])

        answer = model.client.send("clear_completed", query="status=completed")

        assert answer.json == {"deleted": len(completed)}
        model.trash |= {id: model.tasks.pop(id) for id in completed}

    @rule(user=USERS, action=st.sampled_from(["empty_trash", "erase_user"]))
    def forget(self, user: str, action: str) -> None:
        model = self.users[user]

        assert model.client.send(action).status == 204

        model.trash.clear()
        if action == "erase_user":
            model.tasks.clear()
            model.keys.clear()

    @rule(user=USERS)
    def list_trash(self, user: str) -> None:
        model = self.users[user]

        deleted = model.client.send("list_trash").json

        for task in deleted:
            del task["deleted_at"]
        assert deleted == [*model.trash.values()][::-1]

    @rule(user=USERS, query=QUERIES, limit=st.integers(1, 5))
    def pages(self, user: str, query: dict[str, str], limit: int) -> None:
        model = self.users[user]

        listed = model.client.pages(limit=limit, **query)

        assert listed == expected_list(model.tasks.values(), query)

    @invariant()
    def nobody_sees_more(self) -> None:
        """A 304 means that the list is as it was."""
        for model in getattr(self, "users", {}).values():
            headers = {"if-none-match": model.list_etag}
            answer = model.client.send("list_tasks", headers=headers)
            if answer.status == 200:
                model.listed, model.list_etag = answer.json, answer.headers["etag"]
            assert model.listed == expected_list(model.tasks.values(), {})


@pytest.mark.usefixtures("database")
def test_no_user_sees_or_changes_anothers_tasks() -> None:
    run_state_machine_as_test(
        Api,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

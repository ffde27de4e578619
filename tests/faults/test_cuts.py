"""A connection that breaks before, inside and after any message of any statement.

Each time, the answer is a success or a 503. After a success the change was made once,
after a 503 once or not at all. The next request succeeds.
"""

from dataclasses import dataclass

import pytest

from tests.support.connections import forget_plans
from tests.support.faults import DATABASE, Api
from tests.support.proxy import ActionKind, Once

ANSWER = "12TDCZ"
"""ParseComplete, BindComplete, RowDescription, DataRow, CommandComplete, Ready."""

CUTS = [
    *[Once("up", type, "reset", keep) for type in "PBDES" for keep in ("none", "some")],
    *[
        Once("down", type, "reset", keep)
        for type in ANSWER
        for keep in ("none", "some")
    ],
]
KINDS: list[ActionKind] = ["reset", "half-close"]


@dataclass
class Before:
    """A task's id, and its row."""

    id: int
    row: tuple[str, bool, int]


@pytest.fixture(params=CUTS, ids=lambda cut: f"{cut.direction}-{cut.type}-{cut.keep}")
def cut(request: pytest.FixtureRequest) -> Once:
    planned: Once = request.param
    return Once(planned.direction, planned.type, "reset", planned.keep)


@pytest.fixture(params=KINDS)
def cutting(api: Api, cut: Once, request: pytest.FixtureRequest) -> Api:
    """Return the functions; their connection breaks at the next statement.

    A create has been prepared, except in half of the cases: only the first has a Parse.
    """
    api.create("before")
    if cut.type in "P1" or request.param == "half-close":
        forget_plans()
    cut.kind = request.param
    api.proxy.rule = cut
    return api


def test_a_create_happens_once(cutting: Api, cut: Once) -> None:
    answer = cutting.send("create_task", json_body={"title": "new"})

    assert cut.acted.is_set()
    assert answer.status == 201, answer.text
    assert "idempotent-replayed" not in answer.headers
    titles = {id: title for id, (title, *_) in cutting.rows().items()}
    assert sorted(titles.values()) == ["before", "new"]
    assert titles[answer.json["id"]] == "new"
    cutting.works()


@pytest.mark.parametrize("function", ["list_tasks", "get_task"])
def test_a_read_succeeds(cutting: Api, cut: Once, function: str) -> None:
    [id] = cutting.rows()

    answer = cutting.send(function, None if function == "list_tasks" else id)

    assert cut.acted.is_set()
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("function", ["update_task", "complete_task"])
def test_a_write_happens_once_at_most(cutting: Api, cut: Once, function: str) -> None:
    [id] = cutting.rows()
    body = {"title": "after"} if function == "update_task" else None

    answer = cutting.send(function, id, json_body=body)

    assert cut.acted.is_set()
    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert "it isn't known whether a change was made" in answer.json["message"]
    [(title, completed, version)] = cutting.rows().values()
    assert version in (1, 2)
    assert ((title, completed) == ("before", False)) == (version == 1)
    if cut.direction == "down":
        assert version == 2
    cutting.works()


def test_a_completion_creates_one_next_task_or_none(cutting: Api, cut: Once) -> None:
    [id] = cutting.rows()
    cutting.recur(id)

    answer = cutting.send("complete_task", id, json_body={"completed": True})

    assert cut.acted.is_set()
    assert answer.status == 503, answer.text
    (_, (_, completed, _)), *others = sorted(cutting.rows().items())
    next_tasks = [row for _, row in others]
    assert next_tasks == ([("before", False, 1)] if completed else [])
    if cut.direction == "down":
        assert completed
    cutting.works()


def test_a_delete_happens_once_at_most(cutting: Api, cut: Once) -> None:
    [id] = cutting.rows()

    answer = cutting.send("delete_task", id)

    assert cut.acted.is_set()
    assert answer.status == 503, answer.text
    if cut.direction == "down":
        assert not cutting.rows()
    cutting.works()


def test_a_restore_happens_once(cutting: Api, cut: Once) -> None:
    [id] = cutting.rows()
    cutting.postgres.execute(f"DELETE FROM tasks WHERE id = {id}", DATABASE)

    answer = cutting.send("restore_task", id)

    assert cut.acted.is_set()
    assert answer.status == 200, answer.text
    assert cutting.rows() == {id: ("before", False, 2)}

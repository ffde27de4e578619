"""A connection that breaks before and inside any message of a batch.

Either everything is done or nothing. A batch whose creates have keys and whose other
operations have if_match, sent again, leads to the same tasks as without the fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.faults import Api
from tests.support.proxy import Action, ActionKind, Direction

OPERATIONS = 5
QUERY = "PBDE"
"""Parse, Bind, Describe and Execute: what is sent for each statement."""
ANSWER = "12TDC"
"""ParseComplete, BindComplete, RowDescription, DataRow and CommandComplete."""

MESSAGES: dict[Direction, int] = {
    "up": len(QUERY) * (1 + OPERATIONS) + len("S"),
    "down": len(ANSWER) * (1 + OPERATIONS) + len("Z"),
}
UNKNOWN = "it isn't known whether a change was made"


@dataclass
class Cut:
    """A rule that breaks the connection at the message with this number."""

    direction: Direction
    number: int
    kind: ActionKind
    inside: bool
    seen: int = field(default=0)

    def __call__(
        self, direction: Direction, type: str, message: bytes
    ) -> Action | None:
        if direction != self.direction:
            return None
        self.seen += 1
        if self.seen != self.number + 1:
            return None
        return Action(self.kind, len(message) // 2 if self.inside else 0)

    @property
    def acted(self) -> bool:
        return self.seen > self.number


def cuts() -> Iterator[Cut]:
    """Yield a cut before and one inside each message."""
    for direction, messages in MESSAGES.items():
        for number in range(messages):
            yield Cut(direction, number, "reset", inside=False)
            yield Cut(direction, number, "reset", inside=True)


HALF_CLOSED = [Cut("up", 0, "half-close", inside=False)]
HALF_CLOSED += [
    Cut(direction, messages - 1, "half-close", inside)
    for direction, messages in MESSAGES.items()
    for inside in (False, True)
]


def send(api: Api, *operations: dict[str, Any]) -> list[Any]:
    answer = api.send("batch_tasks", json_body={"operations": operations})
    assert answer.status == 200, answer.text
    return [each.get("task") for each in answer.json["results"]]


def prepare(api: Api, key: str) -> list[dict[str, Any]]:
    """Create tasks; return a batch that changes them and can be sent again."""
    old = [{"op": "delete", "id": id} for id in api.rows()]
    new = [{"op": "create", "task": {"title": title}} for title in "abcd"]
    updated, completed, deleted, restored = send(api, *old, *new)[-4:]
    send(api, {"op": "delete", "id": restored["id"]})
    return [
        {"op": "create", "task": {"title": "new"}, "idempotency_key": key},
        {"op": "update", "changes": {"title": "A"}, **condition(updated)},
        {"op": "complete", **condition(completed)},
        {"op": "delete", **condition(deleted)},
        {"op": "restore", **condition(restored)},
    ]


def condition(task: dict[str, Any]) -> dict[str, Any]:
    return {"id": task["id"], "if_match": task["etag"]}


BEFORE = [("a", False, 1), ("b", False, 1), ("c", False, 1)]
AFTER = [("A", False, 2), ("b", True, 2), ("d", False, 2), ("new", False, 1)]


def test_a_batch_that_is_sent_again_has_one_effect(api: Api) -> None:
    for number, cut in enumerate([*cuts(), *HALF_CLOSED]):
        operations = prepare(api, f"{number}")
        api.proxy.rule = cut

        answer = api.send("batch_tasks", json_body={"operations": operations})

        api.proxy.rule = None
        assert cut.acted, cut
        assert answer.status == 503, (cut, answer.text)
        assert UNKNOWN in answer.json["message"]
        rows = sorted(api.rows().values())
        assert rows == AFTER or (rows == BEFORE and cut.direction == "up"), cut

        send(api, *operations)

        assert sorted(api.rows().values()) == AFTER, cut


@pytest.mark.parametrize("type", ["P", "S", "1", "Z"])
def test_creates_are_sent_again_at_once(either: Api, type: str) -> None:
    new = {"op": "create", "task": {"title": "new"}}
    cut = False

    def rule(direction: Direction, seen: str, message: bytes) -> Action | None:
        nonlocal cut
        if cut or seen != type:
            return None
        cut = True
        return Action("reset")

    either.works()
    either.proxy.rule = rule

    answer = either.send(
        "batch_tasks", json_body={"operations": [new, {**new, "idempotency_key": "k"}]}
    )

    assert cut
    assert answer.status == 200, answer.text
    ids = [each["task"]["id"] for each in answer.json["results"]]
    assert sorted(either.rows()) == sorted(set(ids))
    assert len(ids) == 2

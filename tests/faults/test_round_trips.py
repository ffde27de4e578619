"""One round trip for each operation on a warm connection, and nothing else sent."""

import pytest

from taskapi.tasks import cursors
from tests.support.faults import Api

OPERATIONS = {
    "list": ("list_tasks", {}),
    "create": ("create_task", {"json_body": {"title": "Buy milk"}}),
    "get": ("get_task", {}),
    "update": ("update_task", {"json_body": {"title": "Buy milk"}}),
    "complete": ("complete_task", {}),
    "delete": ("delete_task", {}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_takes_one_round_trip(either: Api, operation: str) -> None:
    function, request = OPERATIONS[operation]
    id = either.create()["id"]
    either.proxy.reset()

    answer = either.send(
        function, None if operation in ("list", "create") else id, **request
    )

    assert answer.status < 300, answer.text
    # Parse, Bind, Describe, Execute and Sync, in one go.
    assert either.proxy.bursts == ["PBDES"]
    assert either.proxy.accepted == 0


def test_the_first_list_takes_one_round_trip_too(
    either: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.create()
    monkeypatch.setattr(cursors, "_key", None)
    either.proxy.reset()

    answer = either.send("list_tasks")

    assert len(answer.json) == 1
    assert either.proxy.bursts == ["PBDES"]

"""One round trip for each operation on a warm connection, and nothing else sent."""

import json

import pytest

from taskapi.tasks import cursors
from tests.support.connections import forget_plans
from tests.support.contract import ONE_TASK_FUNCTIONS, TASK_FUNCTIONS, sample_request
from tests.support.faults import Api

PLANNED_ANEW = {"summarize_tasks", "clear_completed", "empty_trash", "erase_user"}
"""Functions that are called too rarely, or whose best plan depends on the user."""


@pytest.mark.parametrize("function", sorted({*TASK_FUNCTIONS} - {"batch_tasks"}))
def test_takes_one_round_trip(either: Api, function: str) -> None:
    either.works()
    forget_plans()
    bursts = []
    for _ in range(2):
        id = either.create()["id"] if function in ONE_TASK_FUNCTIONS else None
        either.proxy.reset()

        answer = either.send(function, id, **sample_request(function))

        assert answer.status < 300, answer.text
        assert either.proxy.accepted == 0
        bursts += either.proxy.bursts

    # Parse, Bind, Describe, Execute and Sync, in one go; or Close, and then these. A
    # statement that was prepared isn't parsed again.
    assert bursts in (["CPBDES", "BDES"], ["PBDES", "PBDES"])
    assert bursts[1] == ("PBDES" if function in PLANNED_ANEW else "BDES")


def test_a_batch_takes_one_round_trip(either: Api) -> None:
    body = str(sample_request("batch_tasks")["body"])
    operations = len(json.loads(body)["operations"])
    either.works()
    either.proxy.reset()

    answer = either.send("batch_tasks", body=body)

    assert answer.status == 200, answer.text
    assert either.proxy.bursts == ["PBDE" * (1 + operations) + "S"]
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


@pytest.mark.parametrize("is_new", [False, True], ids=["nothing new", "changes"])
def test_a_page_after_a_token_takes_one_round_trip(either: Api, is_new: bool) -> None:
    id = either.create()["id"]
    token = either.send("list_changes").json["token"]
    if is_new:
        either.create()
        either.send("delete_task", id)
    either.proxy.reset()

    answer = either.send("list_changes", query=f"since={token}")

    assert len(answer.json["changes"]) == (2 if is_new else 0)
    assert len(either.proxy.bursts) == 1


@pytest.mark.parametrize("function", ["list_tasks", "summarize_tasks"])
def test_a_poll_takes_a_second_one_only_if_something_changed(
    either: Api, function: str
) -> None:
    headers = {"if-none-match": either.send(function).headers["etag"]}
    either.proxy.reset()

    unchanged = either.send(function, headers=headers)
    bursts_of_a_304 = list(either.proxy.bursts)
    either.create()
    either.proxy.reset()
    changed = either.send(function, headers=headers)

    assert (unchanged.status, len(bursts_of_a_304)) == (304, 1)
    assert (changed.status, len(either.proxy.bursts)) == (200, 2)

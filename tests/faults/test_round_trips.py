"""One round trip for each operation on a warm connection, and nothing else sent."""

import json

import pytest

from taskapi.tasks import cursors
from tests.support.contract import ONE_TASK_FUNCTIONS, TASK_FUNCTIONS, sample_body
from tests.support.faults import Api


@pytest.mark.parametrize("function", sorted({*TASK_FUNCTIONS} - {"batch_tasks"}))
def test_takes_one_round_trip(either: Api, function: str) -> None:
    id = either.create()["id"] if function in ONE_TASK_FUNCTIONS else None
    either.works()
    either.proxy.reset()

    answer = either.send(function, id, body=sample_body(function))

    assert answer.status < 300, answer.text
    # Parse, Bind, Describe, Execute and Sync, in one go.
    assert either.proxy.bursts == ["PBDES"]
    assert either.proxy.accepted == 0


def test_a_batch_takes_one_round_trip(either: Api) -> None:
    body = sample_body("batch_tasks")
    assert body
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

    assert (unchanged.status, bursts_of_a_304) == (304, ["PBDES"])
    assert (changed.status, either.proxy.bursts) == (200, ["PBDES", "PBDES"])

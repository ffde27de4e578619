"""What is no id of one's own task is not found."""

import pytest

from tests.support.api import Client
from tests.support.contract import NOT_FOUND, ONE_TASK_FUNCTIONS, sample_request

NOT_IDS = [
    "abc",
    "-1",
    "0",
    "1.0",
    "+1",
    "01",
    "1_0",
    "1e3",
    "٣",
    " 1",
    "1\n",
    "\x00",
    str(10**30),
    str(2**63),
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "1/2",
    "1%2F2",
    "{task_id}",
]


@pytest.mark.parametrize("function", ONE_TASK_FUNCTIONS)
@pytest.mark.parametrize("id", [*NOT_IDS, str(2**63 - 1)], ids=repr)
def test_finds_no_task_under_what_is_not_its_id(
    user: Client, function: str, id: str
) -> None:
    answer = user.send(function, id, **sample_request(function))

    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("function", ONE_TASK_FUNCTIONS)
def test_hides_someone_elses_task(user: Client, other: Client, function: str) -> None:
    task = user.create()

    answer = other.send(function, task["id"], **sample_request(function))

    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert user.send("get_task", task["id"]).json == task
    assert other.send("list_tasks").json == []

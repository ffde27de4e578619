"""The strategies of benchmarks/attack.py reach what they attack."""

from itertools import islice

import pytest

from benchmarks import attack
from benchmarks.strategies import STRATEGIES
from tests.support.api import Client

EXPECTED = {
    "letters": {200},
    "folded": {200},
    "crowd": {200},
    "list-1": {200},
    "list-4": {200},
    "pages": {200},
    "filter": {200},
    "one-task": {200},
    "stale-tags": {200, 412},
    "one-key": {201},
    "churn": {201, 204},
    "bad-tokens": {401},
    "bad-json": {400, 413, 422},
    "everything": {200, 201, 204, 400, 401, 412, 413, 422},
}


@pytest.mark.parametrize("name", [each for each in STRATEGIES if each != "control"])
def test_a_strategy_is_answered_as_expected(name: str, user: Client) -> None:
    pytest.importorskip("awslambdaric")
    for _ in range(2):
        user.create()
    requests = STRATEGIES[name].requests(user.user_id)

    answers = attack.paced(requests, every=0, due=0, end=float("inf"))
    statuses = {answer.status for answer, _ in islice(answers, 40)}

    assert statuses == EXPECTED[name]

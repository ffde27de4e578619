"""2,000 writes while connections are killed at random: nothing lost, nothing doubled.

What was acknowledged and what the table holds agree exactly. The few updates that
ended in a 503 are doubtful: each of them has happened once or not at all.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import DATABASE, Api
from tests.support.api import SECRET
from tests.support.proxy import Act, Deed, Direction

PROCESSES = 4
KILLS = 0.01
"""Of all messages; a statement and its answer are eleven, so one in ten breaks."""
DEEDS: list[Deed] = ["reset", "close", "half-close"]


class AtRandom:
    """Breaks connections anywhere, and counts."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311
        self.killed = 0

    def __call__(self, direction: Direction, type: str, message: bytes) -> Act | None:
        if self._dice.random() >= KILLS:
            return None
        self.killed += 1
        return Act(self._dice.choice(DEEDS), self._dice.randrange(len(message) + 1))


@pytest.mark.parametrize(("kind", "writes"), [("api", 2000), ("pooled", 800)])
def test_nothing_is_lost_and_nothing_doubled(
    request: pytest.FixtureRequest, kind: str, writes: int, tmp_path: Path
) -> None:
    api: Api = request.getfixturevalue(kind)
    killer = api.proxy.rule = AtRandom(seed=5)
    arguments = [str(PROCESSES), str(writes // PROCESSES), str(tmp_path)]

    subprocess.run(
        [sys.executable, "-m", "tests.faults.writer", *arguments],
        check=True,
        env=os.environ
        | {
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": api.proxy.url(DATABASE),
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        },
        timeout=300,
    )

    api.proxy.rule = None
    assert killer.killed > writes / 20
    users = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert len(users) == PROCESSES
    for user in users:
        agrees(api, user)


def agrees(api: Api, user: dict[str, Any]) -> None:
    rows = api.rows(user["user_id"])
    known = {int(id): task for id, task in user["tasks"].items()}
    # Creates are repeated until they are through: none is open, none is there twice.
    assert user["doubtful"] == []
    assert rows.keys() == known.keys()
    for id, task in known.items():
        title, _, version = rows[id]
        updates = version - 1
        assert task["updates"] <= updates <= task["updates"] + len(task["doubtful"])
        assert title in (task["title"], *task["doubtful"])
        if not task["doubtful"]:
            assert (title, updates) == (task["title"], task["updates"])

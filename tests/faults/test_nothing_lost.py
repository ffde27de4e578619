"""2,000 writes while connections break at random: none is lost, none is made twice.

The table holds exactly what was acknowledged. The few updates that were answered with
a 503 are doubtful: each of them was made once or not at all.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.direct import SECRET
from tests.support.faults import DATABASE, Api
from tests.support.proxy import AtRandom

PROCESSES = 4


@pytest.mark.parametrize(("kind", "writes"), [("api", 2000), ("pooled", 800)])
def test_no_write_is_lost_or_made_twice(
    request: pytest.FixtureRequest, kind: str, writes: int, tmp_path: Path
) -> None:
    api: Api = request.getfixturevalue(kind)
    killer = api.proxy.rule = AtRandom(seed=5)
    arguments = [str(PROCESSES), str(writes // PROCESSES), str(tmp_path)]

    subprocess.run(
        [sys.executable, "-m", "tests.support.writer", *arguments],
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
    # Creates are retried until they succeed, so none is doubtful, and none is doubled.
    assert user["doubtful"] == []
    assert rows.keys() == known.keys()
    for id, task in known.items():
        title, _, version = rows[id]
        updates = version - 1
        assert task["updates"] <= updates <= task["updates"] + len(task["doubtful"])
        assert title in (task["title"], *task["doubtful"])
        if not task["doubtful"]:
            assert (title, updates) == (task["title"], task["updates"])

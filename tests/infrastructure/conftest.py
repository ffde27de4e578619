"""The stacks, translated once a run."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.infrastructure.stacks import Stack, combinations, translate

COMBINATIONS = combinations()


@pytest.fixture(scope="session")
def stacks(run_folder: Path) -> dict[str, Stack]:
    """Return the stack of each combination of parameters."""
    file = run_folder / "stacks.json"
    with (run_folder / "stacks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            translated = translate(*((given, {}) for given in COMBINATIONS.values()))
            file.write_text(json.dumps(translated))
    translated = json.loads(file.read_text())
    return {
        name: Stack(template, given)
        for (name, given), template in zip(
            COMBINATIONS.items(), translated, strict=True
        )
    }


@pytest.fixture(params=COMBINATIONS)
def stack(request: pytest.FixtureRequest, stacks: dict[str, Stack]) -> Stack:
    """Return one of them."""
    return stacks[request.param]

"""The stacks, translated once a run."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.infrastructure.stacks import (
    BEFORE,
    DEPLOYMENTS,
    Json,
    Stack,
    combinations,
    translate,
)

COMBINATIONS = combinations()


@pytest.fixture(scope="session")
def translated(run_folder: Path) -> list[Json]:
    """Return all templates: of the combinations, then BEFORE, then of DEPLOYMENTS."""
    file = run_folder / "stacks.json"
    with (run_folder / "stacks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            made = translate(
                *((given, {}) for given in COMBINATIONS.values()),
                BEFORE,
                *DEPLOYMENTS.values(),
            )
            file.write_text(json.dumps(made))
    templates: list[Json] = json.loads(file.read_text())
    return templates


@pytest.fixture(scope="session")
def stacks(translated: list[Json]) -> dict[str, Stack]:
    """Return the stack of each combination of parameters."""
    return {
        name: Stack(template, given)
        for (name, given), template in zip(
            COMBINATIONS.items(), translated, strict=False
        )
    }


@pytest.fixture
def deployments(translated: list[Json]) -> dict[str, tuple[Json, Json]]:
    """Return the template before and after each of DEPLOYMENTS."""
    before, *after = translated[len(COMBINATIONS) :]
    return {name: (before, each) for name, each in zip(DEPLOYMENTS, after, strict=True)}


@pytest.fixture(params=COMBINATIONS)
def stack(request: pytest.FixtureRequest, stacks: dict[str, Stack]) -> Stack:
    """Return one of them."""
    return stacks[request.param]

"""The stacks, translated once for each run."""

import json
from pathlib import Path

import pytest

from local.template import read_template
from tests.support.once import once
from tests.support.project import ROOT
from tests.support.stacks import (
    BEFORE,
    DEPLOYMENTS,
    EXTREMES,
    GIVEN,
    Deployment,
    Json,
    Stack,
    translate,
)


@pytest.fixture(scope="session")
def translated(run_folder: Path) -> dict[str, Json]:
    """Return the templates of GIVEN, DEPLOYMENTS and, as `before`, BEFORE."""
    folder = run_folder / "stacks"
    file = folder / "templates.json"
    with once(folder) as missing:
        if missing:
            wanted: dict[str, Deployment] = {
                **{name: (given, {}) for name, given in GIVEN.items()},
                "before": BEFORE,
                **DEPLOYMENTS,
            }
            template = read_template(ROOT / "template.yaml")
            made = translate(template, *wanted.values())
            file.write_text(json.dumps(dict(zip(wanted, made, strict=True))))
    templates: dict[str, Json] = json.loads(file.read_text())
    return templates


@pytest.fixture(scope="session")
def stacks(translated: dict[str, Json]) -> dict[str, Stack]:
    """Return the stack of each set of parameters."""
    return {name: Stack(translated[name], given) for name, given in GIVEN.items()}


@pytest.fixture(params=EXTREMES)
def stack(request: pytest.FixtureRequest, stacks: dict[str, Stack]) -> Stack:
    """Return the stack with the fewest parameters, then the one with the most."""
    return stacks[request.param]

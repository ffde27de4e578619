"""Run a function's init phase in a process of its own, as a Lambda starts it."""

import json
import subprocess
import sys
from typing import Any

from local.direct import ROUTES, SECRET, event, token
from tests.support.project import ROOT
from tests.support.secret_store import Store

BEFORE = """
import json, os, sys, threading
sys.path.insert(0, "functions/list_tasks")
from types import SimpleNamespace
CONTEXT = SimpleNamespace(
    aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000
)
EVENT = json.loads(sys.argv[1])
told = {}
"""
AFTER = """
print(json.dumps(told))
"""


def run(script: str, start: str | None = "on-demand", **environment: str) -> Any:
    """Return what a script tells that runs as a Lambda starts it so."""
    user = "alice"
    sent = event(
        ROUTES["list_tasks"],
        path={"user_id": user},
        headers={"authorization": environment.pop("token", f"Bearer {token(user)}")},
    )
    settings = {"BETTER_AUTH_SECRET": SECRET, **environment}
    if start:
        settings["AWS_LAMBDA_INITIALIZATION_TYPE"] = start
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + script + AFTER, json.dumps(sent)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def deployed(store: Store, **environment: str) -> dict[str, str]:
    """Return the environment of a function that reads its settings from the store."""
    return {
        "SECRET_ARN": store.arn,
        "AWS_ENDPOINT_URL": store.origin,
        "BETTER_AUTH_SECRET": "",
        **store.keys,
        **environment,
    }

"""`make events`: what API Gateway sends each function, as files for `sam local invoke`.

The gateway of `make run` makes them. Who it is from is filled in when one is sent: a
token would expire, and belongs to nobody else's clone.
"""

import json
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request

from local.events import http_event
from local.openapi import BODIES
from local.routes import Match
from local.template import Function, Route, load_template

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "events"

USER = "demo"
TOKEN = "TOKEN"  # noqa: S105  The word that is filled in.

# The day of the contract's example, 2026-01-01T12:00:00Z.
TIME, EPOCH = "01/Jan/2026:12:00:00 +0000", 1767268800000
PATH_PARAMETERS = {"user_id": USER, "task_id": "1"}


def sample_events(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return an event for each function, by its folder's name."""
    return {
        function.folder.name: sample(function, function.routes[0])
        for function in load_template(root / "template.yaml").functions
    }


def sample(function: Function, route: Route) -> dict[str, Any]:
    """Return the event of a request that the function answers with a success."""
    names = re.findall(r"\{([^}]+)\}", route.path)
    parameters = {name: PATH_PARAMETERS[name] for name in names}
    path = route.path.format_map(parameters)
    body = b""
    headers = [("host", "api.example.com"), ("user-agent", "sam local")]
    if parameters:
        headers.append(("authorization", f"Bearer {TOKEN}"))
    if bodies := BODIES.get(function.folder.name):
        body = json.dumps(list(bodies.values())[-1]).encode()
        headers.append(("content-type", "application/json"))
    request = Request(
        {
            "type": "http",
            "http_version": "1.1",
            "method": route.method,
            "scheme": "https",
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "client": ("192.0.2.1", 0),
            "server": ("api.example.com", 443),
        }
    )
    match = Match(function, route, parameters)
    event: dict[str, Any] = http_event(request, body, match, path, "sample-request-id=")
    # What would be another each time.
    event["headers"]["x-amzn-trace-id"] = "Root=1-69566d40-000000000000000000000000"
    event["requestContext"] |= {"time": TIME, "timeEpoch": EPOCH}
    return event


def text(event: dict[str, Any]) -> str:
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, event in sample_events().items():
        (FOLDER / f"{name}.json").write_text(text(event), encoding="utf-8")


if __name__ == "__main__":
    main()

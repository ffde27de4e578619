"""`make events`: write an event for each function, for `sam local invoke`.

The requests come from the document's examples; the gateway of `make run` turns them
into events. The token is filled in when an event is sent, because it expires and
depends on the clone.
"""

import json
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from local.events import http_event
from local.routes import Match
from local.template import Function, load_template
from openapi.document import ROOT, document

FOLDER = ROOT / "events"

TOKEN = "TOKEN"  # noqa: S105  The word that the token replaces.

# The day of the contract's example, 2026-01-01T12:00:00Z.
TIME, EPOCH = "01/Jan/2026:12:00:00 +0000", 1767268800000


def sample_events() -> dict[str, dict[str, Any]]:
    """Return an event for each function, by its folder's name."""
    paths = document()["paths"]
    return {
        function.folder.name: sample_event(function, paths)
        for function in load_template(ROOT / "template.yaml").functions
    }


def sample_event(function: Function, paths: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a request that succeeds."""
    route = function.routes[0]
    operation = paths[route.path][route.method.lower()]
    declared = operation.get("parameters", [])
    parameters = {
        parameter["name"]: str(parameter["example"])
        for parameter in declared
        if parameter["in"] == "path"
    }
    query = {
        parameter["name"]: parameter["example"]
        for parameter in declared
        if parameter["in"] == "query" and parameter["required"]
    }
    path = route.path.format_map(parameters)
    body = b""
    headers = [("host", "api.example.com"), ("user-agent", "sam local")]
    if operation["security"]:
        headers.append(("authorization", f"Bearer {TOKEN}"))
    contents = operation.get("requestBody", {}).get("content", {})
    for media_type, content in contents.items():
        [*_, example] = content["examples"].values()
        body = json.dumps(example["value"]).encode()
        headers.append(("content-type", media_type))
    request = Request(
        {
            "type": "http",
            "http_version": "1.1",
            "method": route.method,
            "scheme": "https",
            "path": path,
            "query_string": urlencode(query).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "client": ("192.0.2.1", 0),
            "server": ("api.example.com", 443),
        }
    )
    match = Match(function, route, parameters)
    event: dict[str, Any] = http_event(request, body, match, path, "sample-request-id=")
    # These would differ each time.
    event["headers"]["x-amzn-trace-id"] = "Root=1-69566d40-000000000000000000000000"
    event["requestContext"] |= {"time": TIME, "timeEpoch": EPOCH}
    return event


def text(event: dict[str, Any]) -> str:
    """Return the text of an event's file."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, event in sample_events().items():
        (FOLDER / f"{name}.json").write_text(text(event), encoding="utf-8")


if __name__ == "__main__":
    main()

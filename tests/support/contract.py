"""Values that the API's contract uses in many places."""

import json

from local.direct import ROUTES, UserRequest
from local.sample_events import FOLDER

TITLE_RULE = {
    "error": "validation_error",
    "message": "Title is required and must be between 1 and 200 characters",
    "details": {"field": "title", "constraint": "min_length=1, max_length=200"},
}
NOT_FOUND = {"error": "not_found", "message": "Task not found"}
TASK_FUNCTIONS = [name for name in ROUTES if name != "health"]
ONE_TASK_FUNCTIONS = [name for name in ROUTES if "{task_id}" in ROUTES[name]]


def sample_request(function: str) -> UserRequest:
    """Return the query and the body of a request that a function accepts."""
    file = FOLDER / f"{function}.json"
    assert file.is_file(), "run: make events"
    event = json.loads(file.read_text(encoding="utf-8"))
    return {"query": event["rawQueryString"], "body": event.get("body")}


TITLE_TYPE = "Title must be text of 1 to 200 characters"

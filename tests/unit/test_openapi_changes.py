"""Which changes of openapi.json break a client, and which don't."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from openapi.changes import breaking
from tests.support.project import ROOT

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
TASKS, TASK = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{task_id}"

Json = dict[str, Any]
Change = Callable[[Json], object]


def after(change: Change) -> list[str]:
    changed = copy.deepcopy(DOCUMENT)
    change(changed)
    return list(breaking(DOCUMENT, changed))


def operation(document: Json, method: str = "get", path: str = TASKS) -> Json:
    found: Json = document["paths"][path][method]
    return found


def parameter(document: Json, name: str) -> Json:
    parameters = operation(document)["parameters"]
    [found] = [each for each in parameters if each["name"] == name]
    schema: Json = found["schema"]
    return schema


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def without(name: str) -> Change:
    def remove(document: Json) -> None:
        schema(document, "Task")["properties"].pop(name)
        schema(document, "Task")["required"].remove(name)

    return remove


def optional_parameter(document: Json) -> None:
    new = {"name": "page", "in": "query", "schema": {"type": "integer"}}
    operation(document)["parameters"].append(new)


def required_parameter(document: Json) -> None:
    optional_parameter(document)
    operation(document)["parameters"][-1]["required"] = True


BREAKS: dict[str, Change] = {
    "an operation goes": lambda d: d["paths"][TASK].pop("get"),
    "a path goes": lambda d: d["paths"].pop("/health"),
    "an operation is renamed": lambda d: operation(d).update(operationId="tasks"),
    "a token is needed": lambda d: operation(d, path="/health").update(
        security=[{"bearer": []}]
    ),
    "a parameter goes": lambda d: operation(d)["parameters"].pop(),
    "a parameter is required": required_parameter,
    "a choice goes": lambda d: parameter(d, "sort")["enum"].remove("title"),
    "a limit is lowered": lambda d: parameter(d, "limit").update(maximum=100),
    "a limit is raised from below": lambda d: parameter(d, "limit").update(minimum=2),
    "a limit appears": lambda d: parameter(d, "cursor").update(maxLength=10),
    "a type changes": lambda d: parameter(d, "search").update(type="integer"),
    "a field is required": lambda d: schema(d, "NewTask")["required"].append(
        "description"
    ),
    "a field is no more taken": lambda d: schema(d, "NewTask")["properties"].pop(
        "completed"
    ),
    "null is no more taken": lambda d: schema(d, "NewTask")["properties"][
        "description"
    ]["anyOf"].pop(),
    "a field is no more given": without("user_id"),
    "a field may be null": lambda d: schema(d, "Task")["properties"]["title"].update(
        type=["string", "null"]
    ),
    "a status goes": lambda d: operation(d, "get", TASK)["responses"].pop("304"),
    "a header goes": lambda d: operation(d, "get", TASK)["responses"]["200"][
        "headers"
    ].pop("ETag"),
    "what was never there is": lambda d: schema(d, "GatewayMessage")[
        "properties"
    ].update(error={"type": "string"}),
    "an error's code changes": lambda d: schema(d, "NotFound")["properties"][
        "error"
    ].update(const="gone"),
}

KEEPS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a new operation": lambda d: d["paths"].update({"/new": {"get": operation(d)}}),
    "a new parameter": optional_parameter,
    "a new choice": lambda d: parameter(d, "sort")["enum"].append("due"),
    "a higher limit": lambda d: parameter(d, "limit").update(maximum=500),
    "no limit": lambda d: parameter(d, "limit").pop("maximum"),
    "a new field to send": lambda d: schema(d, "NewTask")["properties"].update(
        due={"type": "string"}
    ),
    "a new field to read": lambda d: schema(d, "Task")["properties"].update(
        due={"type": "string"}
    ),
    "never null": lambda d: schema(d, "Task")["properties"]["description"].update(
        type="string"
    ),
    "a new error": lambda d: operation(d)["responses"].update(
        {"418": {"description": "A teapot."}}
    ),
    "an error that no more happens": lambda d: operation(d)["responses"].pop("422"),
    "what was there never is": lambda d: schema(d, "Conflict")["properties"].update(
        message=False
    ),
    "a header in other letters": lambda d: operation(d, "post")["parameters"][
        -1
    ].update(name="IDEMPOTENCY-KEY"),
    "other words": lambda d: operation(d).update(summary="Tasks"),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=list(BREAKS))
def test_says_what_breaks_clients(change: Change) -> None:
    assert after(change) != []


@pytest.mark.parametrize("change", KEEPS.values(), ids=list(KEEPS))
def test_lets_other_changes_pass(change: Change) -> None:
    assert after(change) == []


def test_says_where_and_what() -> None:
    [change] = after(lambda d: parameter(d, "limit").update(maximum=100))

    assert change == (
        "GET /api/{user_id}/tasks: parameter limit over maximum 100 "
        "isn't accepted any more"
    )

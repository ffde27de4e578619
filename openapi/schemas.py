"""The schemas that operations share, and functions that tidy pydantic's."""

from typing import Any

from taskapi.tasks.fields import EXAMPLE, FIELDS
from taskapi.web.documentation import ref

Json = dict[str, Any]

TASK: Json = {
    "type": "object",
    "required": list(EXAMPLE),
    "additionalProperties": False,
    "properties": {field.name: field.schema for field in FIELDS},
    "examples": [EXAMPLE],
}
PROBLEM: Json = {
    "type": "object",
    "required": ["field", "constraint"],
    "properties": {
        "field": {"type": "string", "description": "The name of what isn't valid."},
        "constraint": {"type": "string", "description": "What it must be."},
        "message": {"type": "string", "description": "A sentence to show."},
        "errors": {
            "type": "array",
            "items": ref("Problem"),
            "description": "All of them, where there are several.",
        },
    },
}
GATEWAY_MESSAGE: Json = {
    "type": "object",
    "required": ["message"],
    # `error` is forbidden, so a client can tell this from the API's own errors.
    "properties": {"message": {"type": "string"}, "error": False},
    "description": "An answer of API Gateway's own.",
    "examples": [{"message": "Too Many Requests"}],
}
SHARED_SCHEMAS: Json = {
    "Task": TASK,
    "Problem": PROBLEM,
    "GatewayMessage": GATEWAY_MESSAGE,
}
"""By name; several operations refer to each."""


def without_null(schema: Json) -> Json:
    """Return the schema of an optional value, without the null that FastAPI adds."""
    others = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(others) != 1:
        return schema
    # A default of null only says that the value may be absent.
    rest = {
        name: value
        for name, value in schema.items()
        if name != "anyOf" and value is not None
    }
    return {**rest, **others[0]}


def without_titles(schema: Json) -> Json:
    """Return the schema without pydantic's titles, which repeat the names."""
    kept = {name: value for name, value in schema.items() if name != "title"}
    if "properties" in kept:
        kept["properties"] = {
            name: without_titles(each) for name, each in kept["properties"].items()
        }
    return kept

"""The schemas that operations share, and functions that tidy pydantic's."""

from typing import Any

from taskapi.errors import IdempotencyKeyReused, NotFound, PreconditionFailed
from taskapi.tasks.batch import MOST_OPERATIONS
from taskapi.tasks.fields import EXAMPLE, FIELDS, TIME
from taskapi.tasks.planning import PRIORITIES
from taskapi.tasks.summary import MOST_TAGS, Summary
from taskapi.web.documentation import ref

Json = dict[str, Any]

TASK: Json = {
    "type": "object",
    "required": list(EXAMPLE),
    "additionalProperties": False,
    "properties": {field.name: field.schema for field in FIELDS},
    "examples": [EXAMPLE],
}
NEXT_TASK: Json = {
    "oneOf": [ref("Task"), {"type": "null"}],
    "description": "The new task to which the rule of a recurring one moved; null if "
    "there is none.",
}
COMPLETED_TASK: Json = TASK | {
    "required": [*EXAMPLE, "next_task"],
    "properties": {**TASK["properties"], "next_task": NEXT_TASK},
    "examples": [
        EXAMPLE
        | {
            "completed": True,
            "recurrence": None,
            "completed_at": EXAMPLE["updated_at"],
            "next_task": EXAMPLE
            | {"id": 2, "due_date": "2026-03-16T17:00:00.000000Z", "etag": '"2-1"'},
        }
    ],
}
DELETED_TASK: Json = TASK | {
    "required": [*TASK["required"], "deleted_at"],
    "properties": TASK["properties"] | {"deleted_at": TIME},
    "examples": [EXAMPLE | {"deleted_at": "2026-01-02T12:00:00.000000Z"}],
}
COUNT: Json = {"type": "integer", "minimum": 0}
SUMMARY: Json = {
    "type": "object",
    "required": list(Summary.__annotations__),
    "additionalProperties": False,
    "properties": {
        "pending": COUNT,
        "completed": COUNT,
        "overdue": COUNT | {"description": "Due before now, or on a day before today."},
        "due_today": COUNT | {"description": "Also if the time is over."},
        "priorities": {
            "type": "object",
            "required": list(PRIORITIES),
            "additionalProperties": False,
            "properties": dict.fromkeys(PRIORITIES, COUNT),
        },
        "tags": {
            "type": "array",
            "maxItems": MOST_TAGS,
            "description": f"At most {MOST_TAGS:,}: those that most tasks have. They "
            "are ordered by count, then name.",
            "items": {
                "type": "object",
                "required": ["tag", "count"],
                "additionalProperties": False,
                "properties": {"tag": {"type": "string"}, "count": COUNT},
            },
        },
    },
    "description": "Every count but `completed` is of pending tasks.",
    "examples": [
        {
            "pending": 12,
            "completed": 40,
            "overdue": 2,
            "due_today": 1,
            "priorities": {"low": 0, "medium": 9, "high": 2, "urgent": 1},
            "tags": [{"tag": "home", "count": 3}],
        }
    ],
}
CHANGES: Json = {
    "type": "object",
    "required": ["changes", "token", "more"],
    "additionalProperties": False,
    "properties": {
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "task"],
                "additionalProperties": False,
                "properties": {
                    "id": TASK["properties"]["id"],
                    "task": {
                        "oneOf": [ref("Task"), {"type": "null"}],
                        "description": "As it is now; null if it is deleted.",
                    },
                    "deleted_at": TIME | {"description": "Only of a deleted task."},
                },
            },
        },
        "token": {"type": "string", "description": "For the next request's `since`."},
        "more": {
            "type": "boolean",
            "description": "Whether to ask again at once, with this token.",
        },
    },
    "examples": [
        {
            "changes": [
                {"id": 1, "task": EXAMPLE},
                {"id": 9, "task": None, "deleted_at": "2026-01-02T12:00:00.000000Z"},
            ],
            "token": "AQAGQyh1wNd-f_________8",
            "more": False,
        }
    ],
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
OPERATION_ERRORS = (NotFound, PreconditionFailed, IdempotencyKeyReused)
RESULTS: Json = {
    "type": "object",
    "required": ["results"],
    "additionalProperties": False,
    "properties": {
        "results": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_OPERATIONS,
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "required": ["status", "task"],
                        "additionalProperties": False,
                        "properties": {
                            "status": {"enum": [200, 201]},
                            "task": ref("Task"),
                            "next_task": NEXT_TASK
                            | {"description": "Only after a complete."},
                            "replayed": {
                                "const": True,
                                "description": "Only where the key was used before.",
                            },
                        },
                        "description": "The task after a create, update, complete or "
                        "restore.",
                    },
                    {
                        "type": "object",
                        "required": ["status"],
                        "additionalProperties": False,
                        "properties": {"status": {"const": 204}},
                        "description": "A delete.",
                    },
                    {
                        "type": "object",
                        "required": ["status", "error", "message"],
                        "additionalProperties": False,
                        "properties": {
                            "status": {
                                "enum": [each.status for each in OPERATION_ERRORS]
                            },
                            "error": {"enum": [each.code for each in OPERATION_ERRORS]},
                            "message": {"type": "string"},
                            "details": {
                                "type": "object",
                                "required": ["task"],
                                "properties": {"task": ref("Task")},
                                "description": "Of a 412: the task as it is now.",
                            },
                        },
                        "description": "An error that the operation's own route would "
                        "give. The others were carried out.",
                    },
                ]
            },
        }
    },
    "examples": [
        {
            "results": [
                {"status": 201, "task": EXAMPLE},
                {"status": 204},
                {"status": 404, "error": "not_found", "message": "Task not found"},
            ]
        }
    ],
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
    "CompletedTask": COMPLETED_TASK,
    "DeletedTask": DELETED_TASK,
    "Summary": SUMMARY,
    "Results": RESULTS,
    "Changes": CHANGES,
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

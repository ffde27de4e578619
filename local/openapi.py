"""`make openapi`: the OpenAPI document, merged from the functions' own applications.

FastAPI knows each operation's parameters and body. Its answers are the contract's, and
which of them an operation can give follows from what it takes; documenting them here
costs no function any time at its start.
"""

import importlib
import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from local.template import Function, load_template
from taskapi.errors import (
    ApiError,
    Conflict,
    IdempotencyKeyReused,
    InternalError,
    NotFound,
    PreconditionFailed,
)
from taskapi.tasks import etags, list_query
from taskapi.tasks.fields import FIELDS
from taskapi.tasks.list_query import Listing
from taskapi.web import validation
from taskapi.web.authenticated import AuthenticatedRoute

ROOT = Path(__file__).parent.parent

Json = dict[str, Any]

EXAMPLE: Json = {field.name: field.example for field in FIELDS}
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
            "items": {"$ref": "#/components/schemas/Problem"},
            "description": "All of them, where there are several.",
        },
    },
}
GATEWAY_MESSAGE: Json = {
    "type": "object",
    "required": ["message"],
    # Never there, so that a client can tell all errors apart by it.
    "properties": {"message": {"type": "string"}, "error": False},
    "description": "An answer of API Gateway's own.",
    "examples": [{"message": "Too Many Requests"}],
}
HEALTH: Json = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "ok"}},
}
HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-Id": ("The gateway's id of this request.", "ATfSmjLgPHcESJw="),
    "X-Content-Type-Options": ("Browsers must not guess types.", "nosniff"),
    "Cache-Control": (
        "`private, no-cache` where there is an ETag, else `no-store`.",
        "no-store",
    ),
    "ETag": ("The task's version, for If-Match and If-None-Match.", '"1-1"'),
    "Location": ("The task's path.", "/api/demo/tasks/1"),
    "Link": (
        'The next page, as `<…>; rel="next"`; absent from the last page.',
        '</api/demo/tasks?limit=50&cursor=SGVsbG8>; rel="next"',
    ),
    "Idempotent-Replayed": ("Sent where the key was used before.", "true"),
    "WWW-Authenticate": (
        "Bare `Bearer` where no token was sent (RFC 6750, section 3).",
        'Bearer error="invalid_token"',
    ),
    "Retry-After": ("Seconds to wait before trying again.", "1"),
}
OPTIONAL = {"Link", "Idempotent-Replayed"}
COMMON = ["X-Request-Id", "X-Content-Type-Options", "Cache-Control"]

PARAMETERS: dict[str, Json] = {
    # The user that `make run` prints a token for: "Try it out" works as it is.
    "user_id": {
        "example": "demo",
        "description": "The token's `sub`, percent-encoded in a URL: `auth0|1` is "
        "`auth0%7C1`. openapi-fetch and Swagger UI encode it themselves: give them "
        "`auth0|1`. orval encodes it only with `urlEncodeParameters: true`. With "
        "`fetch`, use `encodeURIComponent`.",
    },
    "task_id": {"example": 1},
    "status": {"description": "Which tasks."},
    "sort": {"description": "By the time of creation or of the last change, or title."},
    "order": {"description": "Default: `desc`; `asc` for `sort=title`."},
}
"""What FastAPI doesn't know of parameters."""

OPERATION_SUFFIXES = {"put": "_put", "head": "_head"}
"""What tells the operations of one function apart, by method."""

QUERIES: dict[str, type[BaseModel]] = {"list_tasks": Listing}
"""What a function reads from the query by itself, without FastAPI."""

SCHEMAS: dict[str, Json] = {"TaskChanges": {"minProperties": 1}}
"""What pydantic doesn't know of schemas."""

TAGS = {
    "tasks": "The tasks of one user, whose token is needed.",
    "health": "For uptime monitors and load balancers.",
}
DESCRIPTIONS = {
    "list_tasks": "A page of tasks, newest first unless `sort` and `order` say "
    "otherwise. Where there is more, `Link` has the next page. Of a parameter that is "
    "sent twice, the last counts; unknown ones are ignored.",
    "create_task": "Only `title` is required. With an `Idempotency-Key`, the request "
    "can be sent again safely: it creates one task. Unknown fields are ignored.",
    "get_task": "With the `ETag` in `If-None-Match`, the answer is a 304 as long as "
    "the task stays as it is.",
    "update_task": "Changes the fields that are sent, and leaves the others; `PUT` and "
    "`PATCH` do the same. `null` clears the description.",
    "complete_task": "Without a body, or with `{}`, it toggles `completed`; with "
    "`completed`, it sets it.",
    "delete_task": "With `If-Match`, only if the task still has this `ETag`.",
    "health": "Needs no token, and asks nothing of the database.",
}
"""What is to be said of operations besides their summary, by function."""

INVALID = {"list_tasks": "limit", "complete_task": "completed"}
"""The field that an example of a 422 is about, by function; else the title."""

BODIES: dict[str, dict[str, Json]] = {
    "create_task": {
        "title alone": {"title": "Buy groceries"},
        "all fields": {
            "title": "Buy groceries",
            "description": "Oats, milk, two lemons",
            "completed": False,
        },
    },
    "update_task": {
        "another title": {"title": "Buy oats"},
        "no description": {"description": None},
    },
    "complete_task": {"toggle": {}, "set": {"completed": True}},
}
"""Examples of requests, by function."""

FIXED = (
    NotFound(),
    Conflict(),
    PreconditionFailed(etags.CHANGED),
    IdempotencyKeyReused(),
    InternalError(),
)
MESSAGES = {
    **{error.code: error.message for error in FIXED},
    "bad_request": "The body must be valid JSON in UTF-8: Expecting value at line 1, "
    "column 10",
    "unauthorized": "Invalid or expired JWT token",
    "payload_too_large": "The body must be at most 65536 bytes",
    "service_unavailable": "The database can't be reached",
}
"""Examples of errors, by code."""

DETAILS: dict[str, Json] = {
    "unauthorized": {
        "$ref": "#/components/schemas/Problem",
        "description": "Only where a valid token is for another user's path: `field` "
        "is then `user_id`, and a new token won't help.",
    },
    "precondition_failed": {
        "type": "object",
        "required": ["task"],
        "properties": {"task": {"$ref": "#/components/schemas/Task"}},
        "description": "The task as it is now.",
    },
    "validation_error": {"$ref": "#/components/schemas/Problem"},
}
"""The schema of an error's `details`, by code; the others have none."""

DESCRIPTION = """\
To-do lists for many users.

Send `Authorization: Bearer <JWT>` with a token of Better Auth's; `{user_id}` is its
`sub`. Errors have a code for programs and a message for people. A create with an
`Idempotency-Key` can be sent again safely; `If-Match` with the `ETag` that was read
keeps a write from undoing somebody else's."""


def document(root: Path = ROOT) -> Json:
    """Return the OpenAPI 3.1 document of all functions in template.yaml."""
    merged: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tasks",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "http://127.0.0.1:8000", "description": "make run"},
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com",
                "description": "deployed: the stack's output ApiUrl",
                "variables": {
                    "api": {"default": "abcdefghij"},
                    "region": {"default": "eu-central-1"},
                },
            },
        ],
        "tags": [{"name": n, "description": text} for n, text in TAGS.items()],
        "paths": {},
        "components": {
            "schemas": {
                "Task": TASK,
                "Problem": PROBLEM,
                "GatewayMessage": GATEWAY_MESSAGE,
            },
            "headers": {
                name: {
                    "description": description,
                    "required": name not in OPTIONAL,
                    "schema": {"type": "string"},
                    "example": example,
                }
                for name, (description, example) in HEADERS.items()
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Issued by Better Auth; `make token` prints one.",
                }
            },
        },
    }
    for function in load_template(root / "template.yaml").functions:
        add(merged, function)
    schemas = [error.__name__ for error in ApiError.__subclasses__()]
    merged["components"]["schemas"]["Error"] = {
        "description": "Any error: `error` says which; API Gateway's own have none.",
        "anyOf": [
            {"$ref": f"#/components/schemas/{name}"}
            for name in [*schemas, "GatewayMessage"]
        ],
    }
    return merged


def add(merged: Json, function: Function) -> None:
    """Add one function's operations to the document."""
    module = importlib.import_module(f"functions.{function.folder.name}.app")
    app: FastAPI = module.app
    own = deepcopy(app.openapi())  # It keeps what it returns.
    schemas = own.get("components", {}).get("schemas", {})
    for name in sorted(schemas.keys() - {"HTTPValidationError", "ValidationError"}):
        schema = without_titles(schemas[name]) | SCHEMAS.get(name, {})
        merged["components"]["schemas"][name] = schema
    routes = {
        (method, route.path_format): route
        for route in api_routes(app)
        for method in methods(route)
    }
    for path, operations in own["paths"].items():
        for method, operation in operations.items():
            name = function.folder.name
            operation["operationId"] = name + OPERATION_SUFFIXES.get(method, "")
            summary = (module.__doc__ or "").partition(": ")[2].strip(".\n")
            operation["summary"] = summary[:1].upper() + summary[1:]
            operation["description"] = DESCRIPTIONS[name]
            operation["tags"] = ["health" if name == "health" else "tasks"]
            if name in QUERIES:
                operation["parameters"] += query_parameters(QUERIES[name])
            for parameter in operation.get("parameters", []):
                complete(parameter)
            if "requestBody" in operation:
                complete_body(operation["requestBody"], BODIES[name])
            describe(operation, routes[method.upper(), path], method)
            merged["paths"].setdefault(path, {})[method] = operation
            for error in errors(routes[method.upper(), path]):
                merged["components"]["schemas"].setdefault(*error_schema(error))


def query_parameters(model: type[BaseModel]) -> list[Json]:
    """Return the fields of a query's model as FastAPI would describe them."""
    properties = model.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


def complete(parameter: Json) -> None:
    """Have a parameter say all that is to be said of it, once."""
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()
    parameter["schema"] = without_titles(without_null(parameter["schema"]))
    if description := parameter["schema"].pop("description", None):
        parameter["description"] = description
    parameter |= PARAMETERS.get(parameter["name"], {})


def complete_body(body: Json, examples: dict[str, Json]) -> None:
    """Add the examples; a body that isn't required is absent, but never null."""
    content = body["content"]["application/json"]
    content["schema"] = without_titles(without_null(content["schema"]))
    content["examples"] = {name: {"value": value} for name, value in examples.items()}


def without_null(schema: Json) -> Json:
    """Return the schema of what may be absent, which to FastAPI is null."""
    others = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(others) != 1:
        return schema
    # A default of null says no more than that it may be absent.
    rest = {
        n: value for n, value in schema.items() if n != "anyOf" and value is not None
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


def api_routes(app: FastAPI) -> list[APIRoute]:
    """Return an application's routes."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def methods(route: APIRoute) -> set[str]:
    """Return a route's methods, in upper case."""
    return route.methods or set()


def describe(operation: Json, route: APIRoute, method: str) -> None:
    """Replace FastAPI's answers with the contract's."""
    success = str(route.status_code or 200)
    answers = {success: success_of(route)}
    if takes(route, "if-none-match"):
        answers["304"] = answer("The task is as If-None-Match has it.", None, ["ETag"])
    by_status: dict[str, list[type[ApiError]]] = {}
    for error in errors(route):
        by_status.setdefault(str(error.status), []).append(error)
    for status, found in by_status.items():
        schemas = [
            {"$ref": f"#/components/schemas/{error_schema(error)[0]}"}
            for error in found
        ]
        headers = {"401": ["WWW-Authenticate"], "503": ["Retry-After"]}.get(status, [])
        answers[status] = answer(
            " ".join((error.__doc__ or "").partition("\n")[0] for error in found),
            schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
            headers,
            {error.code: error_example(error, route.name) for error in found},
        )
    answers["429"] = {
        "description": "Throttled by API Gateway.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/GatewayMessage"}
            }
        },
    }
    if method == "head":
        for each in answers.values():
            each.pop("content", None)
    operation["responses"] = dict(sorted(answers.items()))
    authenticated = isinstance(route, AuthenticatedRoute)
    operation["security"] = [{"bearer": []}] if authenticated else []


def success_of(route: APIRoute) -> Json:
    """Return the successful answer."""
    task = {"$ref": "#/components/schemas/Task"}
    many = {"type": "array", "items": task}
    if not isinstance(route, AuthenticatedRoute):
        return answer("The API is up.", HEALTH, [], {"ok": {"status": "ok"}})
    if "DELETE" in methods(route):
        return answer("The task is gone.", None, [])
    if "POST" in methods(route):
        headers = ["ETag", "Location", "Idempotent-Replayed"]
        return answer("The task.", task, headers, {"task": EXAMPLE})
    if "{task_id}" in route.path_format:
        return answer("The task.", task, ["ETag"], {"task": EXAMPLE})
    return answer("A page of tasks.", many, ["Link"], {"one task": [EXAMPLE]})


def answer(
    description: str,
    schema: Json | None,
    headers: list[str],
    examples: dict[str, object] | None = None,
) -> Json:
    """Return an OpenAPI response."""
    described: Json = {
        "description": description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in [*headers, *COMMON]
        },
    }
    if schema:
        content = {
            "schema": schema,
            "examples": {n: {"value": value} for n, value in (examples or {}).items()},
        }
        described["content"] = {"application/json": content}
    return described


def errors(route: APIRoute) -> list[type[ApiError]]:
    """Return the errors that a route can answer, by what it takes."""
    if not isinstance(route, AuthenticatedRoute):
        return []
    possible = {"unauthorized", "payload_too_large", "internal_error"}
    possible.add("service_unavailable")
    if route.body_field:
        possible |= {"bad_request", "validation_error"}
    if route.name in QUERIES:
        possible.add("validation_error")
    if "{task_id}" in route.path_format:
        possible.add("not_found")
    if takes(route, "if-match"):
        possible.add("precondition_failed")
    if takes(route, "idempotency-key"):
        possible |= {"conflict", "validation_error", "idempotency_key_reused"}
    return [error for error in ApiError.__subclasses__() if error.code in possible]


def takes(route: APIRoute, header: str) -> bool:
    return any(param.alias == header for param in route.dependant.header_params)


def error_schema(error: type[ApiError]) -> tuple[str, Json]:
    """Return the name and the schema of an error's body."""
    body: Json = {
        "type": "object",
        "required": ["error", "message"],
        "additionalProperties": False,
        "properties": {
            "error": {"const": error.code},
            "message": {"type": "string"},
        },
    }
    if details := DETAILS.get(error.code):
        body["properties"]["details"] = details
        if error.code != "unauthorized":
            body["required"].append("details")
    return error.__name__, body


def error_example(error: type[ApiError], function: str) -> Json:
    """Return an error's body, as this function may answer it."""
    if error.code == "validation_error":
        field = INVALID.get(function, "title")
        rule = (validation.RULES | list_query.RULES)[field]
        details: Json = {"field": field, "constraint": rule.constraint}
        return {"error": error.code, "message": rule.message, "details": details}
    body: Json = {"error": error.code, "message": MESSAGES[error.code]}
    if error.code == "precondition_failed":
        body["details"] = {"task": EXAMPLE | {"title": "Buy oats", "etag": '"1-2"'}}
    return body


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    print()

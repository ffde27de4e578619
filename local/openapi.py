"""`make openapi`: the OpenAPI document, merged from the functions' own applications.

FastAPI knows each operation's parameters and body. Its answers are the contract's, and
which of them an operation can give follows from what it takes; documenting them here
costs no function any time at its start.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from local.template import Function, load_template
from taskapi.auth import AuthenticatedRoute
from taskapi.errors import ApiError

ROOT = Path(__file__).parent.parent

Json = dict[str, Any]

TIME = {"type": "string", "format": "date-time", "examples": ["2026-01-01T12:00:00Z"]}
TASK: Json = {
    "type": "object",
    "required": [
        "id",
        "title",
        "description",
        "completed",
        "user_id",
        "created_at",
        "updated_at",
    ],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "format": "int64", "minimum": 1},
        "title": {"type": "string"},
        "description": {"type": ["string", "null"]},
        "completed": {"type": "boolean"},
        "user_id": {"type": "string"},
        "created_at": TIME,
        "updated_at": TIME,
    },
    "examples": [
        {
            "id": 1,
            "title": "Buy groceries",
            "description": None,
            "completed": False,
            "user_id": "auth0|12345",
            "created_at": "2026-01-01T12:00:00.000000Z",
            "updated_at": "2026-01-01T12:00:00.000000Z",
        }
    ],
}
PROBLEM: Json = {
    "type": "object",
    "required": ["field", "constraint"],
    "properties": {
        "field": {"type": "string"},
        "constraint": {"type": "string"},
        "message": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
}
HEALTH: Json = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "ok"}},
}
TEXT = {"type": "string"}
HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "The gateway's id of this request."},
    "ETag": {"description": "The task's version, for If-Match and If-None-Match."},
    "Location": {"description": "The task's path."},
    "Link": {"description": 'The next page, as `<…>; rel="next"`, where there is one.'},
    "Idempotent-Replayed": {"description": "`true` where the key was used before."},
    "WWW-Authenticate": {"description": "RFC 6750, section 3."},
    "Retry-After": {"description": "Seconds to wait before trying again."},
}
OPTIONAL = {"Link", "Idempotent-Replayed"}


def document(root: Path = ROOT) -> Json:
    """Return the OpenAPI 3.1 document of all functions in template.yaml."""
    merged: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tasks",
            "version": "1.0.0",
            "description": "To-do lists for many users.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8000", "description": "make run"}],
        "paths": {},
        "components": {
            "schemas": {"Task": TASK, "Problem": PROBLEM},
            "headers": {
                name: {**header, "required": name not in OPTIONAL, "schema": TEXT}
                for name, header in HEADERS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }
    for function in load_template(root / "template.yaml").functions:
        add(merged, function)
    return merged


def add(merged: Json, function: Function) -> None:
    """Add one function's operations to the document."""
    module = importlib.import_module(f"functions.{function.folder.name}.app")
    app: FastAPI = module.app
    own = app.openapi()
    schemas = own.get("components", {}).get("schemas", {})
    for name in schemas.keys() - {"HTTPValidationError", "ValidationError"}:
        merged["components"]["schemas"][name] = schemas[name]
    routes = {
        (method, route.path_format): route
        for route in api_routes(app)
        for method in methods(route)
    }
    for path, operations in own["paths"].items():
        for method, operation in operations.items():
            operation["operationId"] = function.folder.name + (
                "_put" if method == "put" else ""
            )
            operation["summary"] = (
                (module.__doc__ or "").partition(": ")[2].strip(".\n")
            )
            describe(operation, routes[method.upper(), path])
            merged["paths"].setdefault(path, {})[method] = operation
            for error in errors(routes[method.upper(), path]):
                merged["components"]["schemas"].setdefault(*error_schema(error))


def api_routes(app: FastAPI) -> list[APIRoute]:
    """Return an application's routes."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def methods(route: APIRoute) -> set[str]:
    """Return a route's methods, in upper case."""
    return route.methods or set()


def describe(operation: Json, route: APIRoute) -> None:
    """Replace FastAPI's answers with the contract's."""
    success = str(route.status_code or 200)
    answers = {success: answer(*success_of(route))}
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
        )
    operation["responses"] = dict(sorted(answers.items()))
    if isinstance(route, AuthenticatedRoute):
        operation["security"] = [{"bearer": []}]


def success_of(route: APIRoute) -> tuple[str, Json | None, list[str]]:
    """Return the successful answer's description, schema and own headers."""
    task = {"$ref": "#/components/schemas/Task"}
    if not isinstance(route, AuthenticatedRoute):
        return "The API is up.", HEALTH, []
    if "DELETE" in methods(route):
        return "The task is gone.", None, []
    if "POST" in methods(route):
        return "The task.", task, ["ETag", "Location", "Idempotent-Replayed"]
    if "{task_id}" in route.path_format:
        return "The task.", task, ["ETag"]
    return "A page of tasks.", {"type": "array", "items": task}, ["Link"]


def answer(description: str, schema: Json | None, headers: list[str]) -> Json:
    """Return an OpenAPI response."""
    described: Json = {
        "description": description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in [*headers, "X-Request-Id"]
        },
    }
    if schema:
        described["content"] = {"application/json": {"schema": schema}}
    return described


def errors(route: APIRoute) -> list[type[ApiError]]:
    """Return the errors that a route can answer, by what it takes."""
    if not isinstance(route, AuthenticatedRoute):
        return []
    possible = {"unauthorized", "payload_too_large", "internal_error"}
    possible.add("service_unavailable")
    if route.body_field:
        possible |= {"bad_request", "validation_error"}
    if route.dependant.query_params:
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
    if error.code == "validation_error":
        body["required"].append("details")
        body["properties"]["details"] = {"$ref": "#/components/schemas/Problem"}
    return error.__name__, body


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    print()

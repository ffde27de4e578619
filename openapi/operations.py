"""Describe the operations, from what FastAPI knows and what they declare themselves."""

import importlib
import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute

from openapi.errors import error_schema
from openapi.parameters import complete_body, complete_parameter, query_parameters
from openapi.responses import complete_responses, error_kinds
from openapi.schemas import Json, without_titles
from taskapi.web.authenticated import AuthenticatedRoute

METHODS = ("get", "head", "post", "patch", "put", "delete")
"""The order of a path's operations in the document."""


class Operation(NamedTuple):
    """One method of one path, and the schemas that it refers to."""

    path: str
    method: str
    described: Json
    schemas: Json


def read_operations(folder: Path) -> list[Operation]:
    """Return the operations of all functions in the folder, sorted by path."""
    found = [
        operation
        for file in folder.glob("*/app.py")
        for operation in function_operations(file.parent.name)
    ]
    return sorted(found, key=lambda each: (each.path, METHODS.index(each.method)))


def function_operations(name: str) -> Iterator[Operation]:
    """Yield the operations of one function."""
    module = importlib.import_module(f"functions.{name}.app")
    app: FastAPI = module.app
    with warnings.catch_warnings():
        # The methods of a route have one id in FastAPI; here each gets its own.
        warnings.filterwarnings("ignore", "Duplicate Operation ID")
        by_fastapi = deepcopy(app.openapi())  # FastAPI caches it.
    schemas = by_fastapi.get("components", {}).get("schemas", {})
    bodies = {
        name: without_titles(schemas[name])
        for name in sorted(schemas.keys() - {"HTTPValidationError", "ValidationError"})
    }
    routes = {
        (METHODS.index(method.lower()), route.path_format): route
        for route in api_routes(app)
        for method in methods(route)
    }
    for position, ((index, path), route) in enumerate(sorted(routes.items())):
        method = METHODS[index]
        described = {
            "summary": summary(module.__doc__ or ""),
            # Only one operation can have the function's name.
            "operationId": f"{name}_{method}" if position else name,
            **describe(by_fastapi["paths"][path][method], route, method),
        }
        yield Operation(path, method, described, bodies | error_schemas(described))


def describe(by_fastapi: Json, route: APIRoute, method: str) -> Json:
    """Return FastAPI's description of an operation, with what its route declares."""
    described: Json = {}
    if parameters := by_fastapi.get("parameters", []) + query_parameters(route):
        described["parameters"] = [complete_parameter(each) for each in parameters]
    if "requestBody" in by_fastapi:
        described["requestBody"] = complete_body(by_fastapi["requestBody"], route)
    authenticated = isinstance(route, AuthenticatedRoute)
    responses = complete_responses(route.responses, authenticated=authenticated)
    if method == "head":
        responses = {status: without_body(each) for status, each in responses.items()}
    described["responses"] = responses
    described["description"] = " ".join(route.description.split())
    described["tags"] = [tag(route.path_format)]
    described["security"] = [{"bearer": []}] if authenticated else []
    return described


def without_body(response: Json) -> Json:
    """Return a response to a HEAD request."""
    return {name: value for name, value in response.items() if name != "content"}


def summary(docstring: str) -> str:
    """Return what a module's docstring says after `METHOD /path: `."""
    text = docstring.partition(": ")[2].strip(".\n")
    return text[:1].upper() + text[1:]


def tag(path: str) -> str:
    """Return the resource that a path is about: `tasks` for /api/{user_id}/tasks/…,
    `user` for /api/{user_id}.
    """
    parts = path.removeprefix("/api/").strip("/").split("/")
    return next((part for part in parts if not part.startswith("{")), "user")


def error_schemas(described: Json) -> Json:
    """Return the schemas of the errors that an operation may answer, by name."""
    contents = (each.get("content", {}) for each in described["responses"].values())
    return {
        kind.__name__: error_schema(kind)
        for content in contents
        for kind in error_kinds(content.get("application/json", {}).get("schema", {}))
    }


def api_routes(app: FastAPI) -> list[APIRoute]:
    """Return an application's routes."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def methods(route: APIRoute) -> set[str]:
    """Return a route's methods, in upper case."""
    return route.methods or set()

"""Read an endpoint's arguments from a request, in less time than FastAPI takes.

FastAPI looks at the type of each parameter in each request, which took a fifth of a
request. To remove this module, call FastAPI's own handler in route.py.
"""

import dataclasses
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from taskapi.cold_start.framework import (
    APIRoute,
    Request,
    RequestValidationError,
    Response,
    is_scalar_field,
)

if TYPE_CHECKING:
    from fastapi._compat import ModelField

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

READ_HERE = {"path_params", "header_params", "body_params", "request_param_name"}
NO_PARAMETERS = {"call", "name", "path", "use_cache", "scope"}
"""Fields of FastAPI's Dependant: those that fast_endpoint() reads, and those that say
nothing of parameters."""


def fast_endpoint(route: APIRoute) -> Endpoint | None:
    """Return a function that calls the route's endpoint with the request's parameters.

    None unless the endpoint is a coroutine function that returns a Response, and takes
    only parameters of the path, optional headers with one value, a JSON body and the
    request. FastAPI has to call any other.
    """
    dependant, endpoint = route.dependant, route.endpoint
    used = {
        each.name
        for each in dataclasses.fields(dependant)
        if getattr(dependant, each.name)
    }
    paths = [(field.name, field.alias, field) for field in dependant.path_params]
    headers = [(field.name, field.alias, field) for field in dependant.header_params]
    body = route.body_field
    if (
        not inspect.iscoroutinefunction(endpoint)
        or endpoint.__annotations__.get("return") is not Response
        or used - READ_HERE - NO_PARAMETERS
        or any(field.field_info.is_required() for _, _, field in headers)
        or not all(is_scalar_field(field) for _, _, field in headers)
        or any(field is not body for field in dependant.body_params)
    ):
        return None

    async def call(request: Request) -> Response:
        arguments: dict[str, object] = {}
        errors: list[dict[str, Any]] = []

        def add(name: str, field: "ModelField", value: object, *place: str) -> None:
            arguments[name], problems = field.validate(value, loc=place)
            errors.extend(problems)

        for name, alias, field in paths:
            add(name, field, request.path_params[alias], "path", alias)
        for name, alias, field in headers:
            value = request.headers.get(alias)
            if value is not None:
                add(name, field, value, "header", alias)
        if body and await request.body():
            add(body.name, body, await request.json(), "body")
        if dependant.request_param_name:
            arguments[dependant.request_param_name] = request
        if errors:
            raise RequestValidationError(errors)
        response: Response = await endpoint(**arguments)
        return response

    return call

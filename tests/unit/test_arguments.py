"""Endpoints whose arguments are read without FastAPI, and those that need FastAPI."""

import importlib
import json
from typing import Annotated

import pytest
from fastapi import Body, Cookie, Depends, Header, Query, Response
from fastapi.routing import APIRoute

from local.direct import CONTEXT, ROUTES, event
from taskapi.web.app import create_app
from taskapi.web.arguments import fast_endpoint
from taskapi.web.handler import lambda_handler


@pytest.mark.parametrize("name", ROUTES)
def test_every_function_reads_its_arguments_the_fast_way(name: str) -> None:
    app = importlib.import_module(f"functions.{name}.app").app

    routes = [route for route in app.routes if isinstance(route, APIRoute)]

    assert routes
    assert all(map(fast_endpoint, routes))


def length(text: str = "four") -> int:
    return len(text)


async def with_query(a: Annotated[str, Query()] = "default") -> Response:
    return Response(a)


async def with_cookie(a: Annotated[str, Cookie()] = "default") -> Response:
    return Response(a)


async def with_header_that_is_required(a: Annotated[str, Header()]) -> Response:
    return Response(a)


async def with_header_that_is_repeated(
    a: Annotated[list[str] | None, Header()] = None,
) -> Response:
    return Response(repr(a))


async def with_dependency(a: Annotated[int, Depends(length)]) -> Response:
    return Response(str(a))


async def with_two_bodies(
    a: Annotated[str, Body()] = "default", b: Annotated[str, Body()] = "default"
) -> Response:
    return Response(a + b)


def without_coroutine() -> Response:
    return Response("in a thread")


async def without_response() -> dict[str, int]:
    return {"a": 1}


@pytest.mark.parametrize(
    ("endpoint", "sent", "answer"),
    [
        pytest.param(with_query, {"query": {"a": "sent"}}, "sent", id="query"),
        pytest.param(with_cookie, {}, "default", id="cookie"),
        pytest.param(
            with_header_that_is_required,
            {"headers": {"a": "sent"}},
            "sent",
            id="header",
        ),
        pytest.param(
            with_header_that_is_repeated,
            {"headers": {"a": "x", "A": "y"}},
            "['x', 'y']",
            id="repeated header",
        ),
        pytest.param(with_dependency, {"query": {"text": "123"}}, "3", id="dependency"),
        pytest.param(
            with_two_bodies,
            {
                "body": json.dumps({"a": "x", "b": "y"}),
                "headers": {"content-type": "application/json"},
            },
            "xy",
            id="two bodies",
        ),
        pytest.param(without_coroutine, {}, "in a thread", id="no coroutine"),
        pytest.param(without_response, {}, '{"a":1}', id="no Response"),
    ],
)
def test_fastapi_calls_all_other_endpoints(
    endpoint: object, sent: dict[str, object], answer: str
) -> None:
    app = create_app()
    app.post("/anything")(endpoint)  # type: ignore[type-var]

    response = lambda_handler(app)(event("POST /anything", **sent), CONTEXT)  # type: ignore[arg-type]

    assert response["body"] == answer

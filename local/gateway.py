"""API Gateway on this machine: an ASGI app over the functions of a template.yaml."""

import asyncio
import sys
from pathlib import Path

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local import cors
from local.events import (
    Answer,
    BadPath,
    Headers,
    MalformedAnswer,
    decoded_path,
    function_answer,
    gateway_answer,
    http_event,
    new_request_id,
)
from local.origins import origin_problem
from local.pool import FunctionError, Pool
from local.project import Project
from local.template import TemplateError

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
BODY_LIMIT = 10 * 1024 * 1024
REQUEST_LINE_AND_HEADER_VALUES_LIMIT = 10_240
INTEGRATION_TIMEOUT = 30.0
# Each origin is one line on the terminal; whoever makes origins up can't fill it.
REFUSALS_SAID = 100


class Gateway:
    """Serves the project in `root`; raises `TemplateError` where it can't."""

    def __init__(
        self, root: Path, integration_timeout: float = INTEGRATION_TIMEOUT
    ) -> None:
        self._project = Project(root)
        self._integration_timeout = integration_timeout
        self._running: set[asyncio.Task[object]] = set()
        self._refused: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = Request(scope, receive)
        request_id = new_request_id()
        if self._project.cors and cors.is_preflight(request):
            answer = Answer(204, [])
        else:
            answer = await self._answer(request, request_id)
        headers = self._headers(request, answer)
        response = Response(answer.body, answer.status)
        response.raw_headers += [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in [*headers, ("apigw-requestid", request_id)]
        ]
        await response(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._project.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _headers(self, request: Request, answer: Answer) -> Headers:
        configuration = self._project.cors
        if configuration is None:
            return answer.headers
        own = cors.without_cors(answer.headers)
        origin = request.headers.get("origin")
        if origin is None:
            return own
        if not cors.allows(configuration, origin):
            self._say_refused(request, origin)
        if cors.is_preflight(request):
            return [*own, *cors.preflight_headers(configuration, origin)]
        return [*own, *cors.response_headers(configuration, origin)]

    def _say_refused(self, request: Request, origin: str) -> None:
        """Say it once for each origin: the browser only tells of a network error."""
        same = f"{request.url.scheme}://{request.headers.get('host')}"
        if origin in (same, *self._refused) or len(self._refused) >= REFUSALS_SAID:
            return
        self._refused.add(origin)
        print(refusal(origin), file=sys.stderr, flush=True)

    async def _answer(self, request: Request, request_id: str) -> Answer:
        if _head_size(request) > REQUEST_LINE_AND_HEADER_VALUES_LIMIT:
            return gateway_answer(431, "Request Header Fields Too Large")
        try:
            path = decoded_path(request.scope["raw_path"])
        except BadPath:
            return gateway_answer(400, "Bad Request")
        try:
            router = await self._project.router()
        except TemplateError as error:
            return _failed(str(error))
        match = router.match(request.method, path)
        if match is None:
            return gateway_answer(404, "Not Found")
        try:
            body = await _body(request)
        except ClientDisconnect:
            return gateway_answer(400, "Bad Request")
        if body is None:
            return gateway_answer(413, "Request Entity Too Large")
        event = http_event(request, body, match, path, request_id)
        try:
            result = await self._invoke(await self._project.pool(match.function), event)
            return function_answer(result)
        except (FunctionError, MalformedAnswer) as error:
            return _failed(f"{match.function.name}: {error}")
        except TimeoutError:
            return gateway_answer(503, "Service Unavailable")

    async def _invoke(self, pool: Pool, event: dict[str, object]) -> object:
        """A function goes on when API Gateway has stopped waiting for it."""
        task = asyncio.create_task(pool.invoke(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.wait_for(asyncio.shield(task), self._integration_timeout)


def server_config(gateway: ASGIApp, port: int = 0) -> uvicorn.Config:
    """How uvicorn shows the gateway to the world: as little as it can of itself."""
    return uvicorn.Config(
        gateway,
        host="127.0.0.1",
        port=port,
        http="h11",
        ws="none",
        lifespan="on",
        server_header=False,
        # Else uvicorn takes the source address from what the client claims.
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )


def refusal(origin: str) -> str:
    """Return the line about pages that CORS refuses."""
    shown = ascii(origin[:200])[1:-1]
    if origin_problem(origin, ".*"):
        return (
            f"CORS refused a page whose origin is {shown}. ALLOWED_ORIGINS can't list "
            "that; open the page from an http:// or https:// address."
        )
    return (
        f"CORS refused a page of {shown}. To let it in, add it to ALLOWED_ORIGINS "
        "(commas between origins), in .env or before `make run`."
    )


def _failed(reason: str) -> Answer:
    """API Gateway hides the reason from clients; developers see it on stderr."""
    print(reason, file=sys.stderr, flush=True)
    return gateway_answer(500, "Internal Server Error")


def _head_size(request: Request) -> int:
    scope = request.scope
    line = f"{request.method}  HTTP/{scope['http_version']}"
    target = len(scope["raw_path"]) + len(scope["query_string"])
    return len(line) + target + sum(len(value) for _, value in request.headers.raw)


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is too large; never holds more than the limit."""
    if int(request.headers.get("content-length", 0)) > BODY_LIMIT:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)

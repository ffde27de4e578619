"""API Gateway on this machine: an ASGI app that runs the functions of a template."""

import asyncio
import sys
import time
from dataclasses import replace
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
    decode_path,
    function_answer,
    gateway_answer,
    http_event,
    new_request_id,
)
from local.origins import origin_problem
from local.pool import FunctionError, Pool
from local.project import Project
from local.request_log import RequestLog
from local.template import TemplateError

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
BODY_LIMIT = 10 * 1024 * 1024
REQUEST_LINE_AND_HEADER_VALUES_LIMIT = 10_240
INTEGRATION_TIMEOUT = 30.0
# The gateway prints a line for each refused origin, but no more than these.
REFUSALS_SAID = 100


class Gateway:
    """Serve the project in `root`; raise `TemplateError` if its template is broken."""

    def __init__(
        self,
        root: Path,
        integration_timeout: float = INTEGRATION_TIMEOUT,
        log: RequestLog | None = None,
    ) -> None:
        """log: prints requests and what functions log; without it, functions write to
        stderr.
        """
        self._log = log
        self._project = Project(root, log)
        self._integration_timeout = integration_timeout
        self._running: set[asyncio.Task[object]] = set()
        self._refused: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
            return
        request = Request(scope, receive)
        request_id = new_request_id()
        started = time.perf_counter()
        if self._project.cors and cors.is_preflight(request):
            answer = Answer(204, [])
        else:
            answer = await self._answer(request, request_id)
        if self._log:
            path = ascii(scope["path"])[1:-1]
            seconds = time.perf_counter() - started
            self._log.finish(f"{request.method} {path}", request_id, answer, seconds)
        headers = self._headers(request, answer)
        response = Response(answer.body, answer.status)
        response.raw_headers += [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in [*headers, ("apigw-requestid", request_id)]
        ]
        await response(scope, receive, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
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
            self._print_refusal(request, origin)
        if cors.is_preflight(request):
            return [*own, *cors.preflight_headers(configuration, origin)]
        return [*own, *cors.response_headers(configuration, origin)]

    def _print_refusal(self, request: Request, origin: str) -> None:
        """Print a line, once for each origin: browsers only report a network error."""
        own = f"{request.url.scheme}://{request.headers.get('host')}"
        if origin in (own, *self._refused) or len(self._refused) >= REFUSALS_SAID:
            return
        self._refused.add(origin)
        print(refusal_message(origin), file=sys.stderr, flush=True)

    async def _answer(self, request: Request, request_id: str) -> Answer:
        if head_size(request) > REQUEST_LINE_AND_HEADER_VALUES_LIMIT:
            return gateway_answer(431, "Request Header Fields Too Large")
        try:
            path = decode_path(request.scope["raw_path"])
        except BadPath:
            return gateway_answer(400, "Bad Request")
        try:
            router = await self._project.router()
        except TemplateError as error:
            return fail(str(error))
        match = router.match(request.method, path)
        if match is None:
            nearest = router.nearest(request.method, path)
            hint = f"there is no such route; did you mean {nearest}?"
            return replace(gateway_answer(404, "Not Found"), hint=hint)
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return gateway_answer(400, "Bad Request")
        if body is None:
            return gateway_answer(413, "Request Entity Too Large")
        event = http_event(request, body, match, path, request_id)
        try:
            result = await self._invoke(await self._project.pool(match.function), event)
            return function_answer(result)
        except (FunctionError, MalformedAnswer) as error:
            return fail(f"{match.function.name}: {error}")
        except TimeoutError:
            return gateway_answer(503, "Service Unavailable")

    async def _invoke(self, pool: Pool, event: dict[str, object]) -> object:
        """Run the function; it continues after API Gateway has stopped waiting."""
        task = asyncio.create_task(pool.invoke(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.wait_for(asyncio.shield(task), self._integration_timeout)


def server_config(gateway: ASGIApp, port: int = 0) -> uvicorn.Config:
    """Return the settings with which uvicorn serves the gateway and hides itself."""
    return uvicorn.Config(
        gateway,
        host="127.0.0.1",
        port=port,
        http="h11",
        ws="none",
        lifespan="on",
        server_header=False,
        # Otherwise uvicorn takes the source address from the client's headers.
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )


def refusal_message(origin: str) -> str:
    """Return the line to print when CORS refuses a page of this origin."""
    escaped = ascii(origin[:200])[1:-1]
    if origin_problem(origin, ".*"):
        return (
            f"CORS refused a page whose origin is {escaped}. ALLOWED_ORIGINS can't "
            "list that; open the page from an http:// or https:// address."
        )
    return (
        f"CORS refused a page of {escaped}. To let it in, add it to ALLOWED_ORIGINS "
        "(commas between origins), in .env or before `make run`. It replaces the "
        "template's list, so add other origins of yours too."
    )


def fail(reason: str) -> Answer:
    """Print the reason to stderr; return a 500 that hides it, as API Gateway does."""
    print(reason, file=sys.stderr, flush=True)
    return gateway_answer(500, "Internal Server Error")


def head_size(request: Request) -> int:
    scope = request.scope
    line = f"{request.method}  HTTP/{scope['http_version']}"
    target = len(scope["raw_path"]) + len(scope["query_string"])
    return len(line) + target + sum(len(value) for _, value in request.headers.raw)


async def read_body(request: Request) -> bytes | None:
    """Return the body, or None if it is too large; stop reading at the limit."""
    if int(request.headers.get("content-length", 0)) > BODY_LIMIT:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)

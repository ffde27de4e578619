"""HTTP as the contract has it: an endpoint becomes a Lambda handler here."""

import base64
import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from taskapi import init_phase, strict_json, time_budget
from taskapi.errors import (
    ApiError,
    BadRequest,
    InternalError,
    PayloadTooLarge,
    ValidationFailed,
)
from taskapi.framework import (
    APIRoute,
    FastAPI,
    Mangum,
    Request,
    RequestValidationError,
    Response,
    to_json,
)
from taskapi.log import logger
from taskapi.metrics import emf
from taskapi.tally import tally
from taskapi.validation import invalid

if TYPE_CHECKING:
    from mangum.types import LambdaConfig, LambdaContext, LambdaEvent, Scope
    from mangum.types import Response as AsgiResponse

MAX_BODY_BYTES = 64 * 1024

HEADERS_READ = frozenset(
    {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"}
)
"""What functions are given of a request's headers; browsers and proxies add twenty.

FastAPI reads all of them again for each header that an operation takes: with twenty,
a fifth of a request.
"""

# Mangum logs each path, hence each user id; the one line below says it better.
logging.getLogger("mangum").setLevel(logging.ERROR)


LambdaResponse = dict[str, Any]
"""What API Gateway takes: payload format 2.0."""


class GatewayEvent:
    """An event of payload format 2.0, as Mangum's custom handlers have it.

    Mangum's own decodes the path a second time. API Gateway has decoded it already,
    so a "%" or a "/" in a user id would be misread: the route and its parameters are
    taken from where API Gateway put them, and are percent-encoded until they are used.
    """

    @classmethod
    def infer(
        cls, event: "LambdaEvent", context: "LambdaContext", config: "LambdaConfig"
    ) -> bool:
        return True

    def __init__(
        self, event: "LambdaEvent", context: "LambdaContext", config: "LambdaConfig"
    ) -> None:
        self.event = event

    @property
    def body(self) -> bytes:
        body = self.event.get("body") or ""
        return (
            base64.b64decode(body)
            if self.event.get("isBase64Encoded")
            else body.encode(errors="surrogatepass")
        )

    @property
    def scope(self) -> "Scope":
        event, http = self.event, self.event["requestContext"]["http"]
        parameters: Mapping[str, str] = event.get("pathParameters") or {}
        route = event["routeKey"].partition(" ")[2]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": http["method"],
            "scheme": "https",
            "path": route.format_map({k: encoded(v) for k, v in parameters.items()}),
            "root_path": "",
            "query_string": event.get("rawQueryString", "").encode(),
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in event.get("headers", {}).items()
                if name.lower() in HEADERS_READ
            ],
            "client": (http["sourceIp"], 0),
            "server": None,
        }

    def __call__(self, response: "AsgiResponse") -> LambdaResponse:
        return {
            "statusCode": response["status"],
            "headers": {k.decode(): v.decode() for k, v in response["headers"]},
            "body": response["body"].decode(),
            "isBase64Encoded": False,
        }


class JsonRequest(Request):
    """A request whose JSON is read once, and strictly: UTF-8 and RFC 8259 alone."""

    async def json(self) -> object:
        if not hasattr(self, "_parsed"):
            self._parsed = parse(await self.body())
        return self._parsed


class ContractRoute(APIRoute):
    """A route that answers as the contract says where FastAPI would not.

    FastAPI reads the body before it runs dependencies, takes malformed JSON for a
    422 and has an error body of its own.
    """

    async def admit(self, request: Request) -> None:
        """Raise the ApiError that refuses this caller; here nobody is refused."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()

        async def handle(received: Request) -> Response:
            request = JsonRequest(received.scope, received.receive)
            try:
                await self.admit(request)
                await self.check_body(request)
                return await endpoint(request)
            except ApiError as error:
                return problem(error)
            except RequestValidationError as error:
                return problem(invalid(error))
            except Exception as error:
                log_cause(error)
                return problem(InternalError())

        return handle

    async def check_body(self, request: JsonRequest) -> None:
        """Raise what the contract says of a body that can't be validated."""
        body = await request.body()
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"The body must be at most {MAX_BODY_BYTES} bytes")
        if self.body_field is None:
            return
        if not body:
            if self.body_field.field_info.is_required():
                raise BadRequest("A JSON body is required")
            return
        media_type = request.headers.get("content-type", "").partition(";")[0]
        media_type = media_type.strip().lower()
        if media_type != "application/json" and not (
            media_type.startswith("application/") and media_type.endswith("+json")
        ):
            raise BadRequest(
                "The body must be declared as JSON, with Content-Type: application/json"
            )
        if not isinstance(await request.json(), dict):
            raise ValidationFailed(
                "The body must be a JSON object",
                {"field": "body", "constraint": "object"},
            )


def create_app(route_class: type[ContractRoute] = ContractRoute) -> FastAPI:
    """Return an application for one function's one operation."""
    app = FastAPI(openapi_url=None)
    app.router.route_class = route_class
    return app


def lambda_handler(
    app: FastAPI, ready: Callable[[], None] = lambda: None
) -> Callable[["LambdaEvent", "LambdaContext"], LambdaResponse]:
    """Return the function that Lambda calls with each event.

    ready: what the init phase has to wait for.
    """
    serve = Mangum(app, lifespan="off", custom_handlers=[GatewayEvent])
    cold = True
    ready()
    init_phase.over()

    def handler(event: "LambdaEvent", context: "LambdaContext") -> LambdaResponse:
        nonlocal cold
        started = time.perf_counter()
        # The logger's own clear_state() does this three times.
        logger.registered_formatter.clear_state()
        time_budget.start(context.get_remaining_time_in_millis() / 1000)
        try:
            response = serve(event, context)
        finally:
            time_budget.end()
        headers = response["headers"]
        headers["x-content-type-options"] = "nosniff"
        headers["x-request-id"] = event["requestContext"]["requestId"]
        headers["cache-control"] = (
            "private, no-cache" if "etag" in headers else "no-store"
        )
        log = logger.error if response["statusCode"] >= 500 else logger.info
        log(
            "request",
            request_id=event["requestContext"]["requestId"],
            correlation_id=correlation_id(event),
            function_request_id=context.aws_request_id,
            route=event["routeKey"],
            status=response["statusCode"],
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
            database_ms=round(tally.database_seconds * 1000, 1),
            cold_start=cold,
            **emf(logger.get_current_keys().get("error"), cold),
        )
        cold = False
        return response

    return handler


def correlation_id(event: "LambdaEvent") -> str:
    """Return the X-Correlation-Id of a caller that follows its calls, or our own."""
    sent: str = event.get("headers", {}).get("x-correlation-id", "")
    if sent and re.fullmatch(r"[\w.:/+=-]{1,128}", sent, re.ASCII):
        return sent
    own: str = event["requestContext"]["requestId"]
    return own


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return content as JSON in UTF-8."""
    return Response(to_json(content), status, headers, "application/json")


def problem(error: ApiError) -> Response:
    """Return the contract's error body."""
    logger.append_keys(error=error.code)
    body: dict[str, object] = {"error": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    return json_response(body, error.status, error.headers)


def encoded(value: str) -> str:
    """Return value percent-encoded, fit for one path segment."""
    return quote(value, safe="", errors="replace")


def parse(body: bytes) -> object:
    """Return the JSON in body; raise BadRequest where there is none."""
    try:
        return strict_json.loads(body)
    except ValueError as error:
        message = f"The body must be valid JSON in UTF-8{where(error)}"
        raise BadRequest(message) from error


def where(error: Exception) -> str:
    """Return the place of a syntax error, which quotes nothing of the body."""
    if isinstance(error, json.JSONDecodeError):
        return f": {error.msg} at line {error.lineno}, column {error.colno}"
    return ""


def log_cause(error: Exception) -> None:
    """Log what went wrong and where, without the message: it may quote a task."""
    logger.append_keys(
        exception=f"{type(error).__module__}.{type(error).__qualname__}",
        stack=[
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    )

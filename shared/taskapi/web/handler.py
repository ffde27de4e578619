"""HTTP as the contract has it: an endpoint becomes a Lambda handler here."""

import logging
import time
import traceback
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskapi import time_budget
from taskapi.cold_start import init_phase
from taskapi.cold_start.framework import (
    APIRoute,
    FastAPI,
    HTTPException,
    Mangum,
    Request,
    RequestValidationError,
    Response,
    to_json,
)
from taskapi.errors import (
    ApiError,
    BadRequest,
    InternalError,
    PayloadTooLarge,
    SettingsError,
    ValidationFailed,
)
from taskapi.log import logger
from taskapi.metrics import collect_metrics
from taskapi.request_stats import request_stats
from taskapi.web.body import check_declared, parse
from taskapi.web.event import ForeignEvent, GatewayRequest, read_event, type_name
from taskapi.web.validation import RULES, invalid

if TYPE_CHECKING:
    from mangum.types import (
        LambdaConfig,
        LambdaContext,
        LambdaEvent,
        Receive,
        Scope,
        Send,
    )
    from mangum.types import Response as AsgiResponse

MAX_BODY_BYTES = 64 * 1024

# Mangum logs paths, and with them user ids, and the messages of exceptions, which may
# quote a task. lambda_handler logs both without.
logging.getLogger("mangum").disabled = True
logging.getLogger("mangum.http").disabled = True


LambdaResponse = dict[str, Any]
"""What API Gateway takes: payload format 2.0."""


class EventHandler:
    """Hands Mangum a request that read_event() has read: one of its custom handlers."""

    @classmethod
    def infer(
        cls, event: "LambdaEvent", context: "LambdaContext", config: "LambdaConfig"
    ) -> bool:
        return True

    def __init__(
        self, event: "LambdaEvent", context: "LambdaContext", config: "LambdaConfig"
    ) -> None:
        self.scope: Scope = event["scope"]
        self.body: bytes = event["body"]

    def __call__(self, response: "AsgiResponse") -> LambdaResponse:
        return lambda_response(
            response["status"], response["headers"], response["body"]
        )


def lambda_response(
    status: int, headers: Iterable[Sequence[bytes]], body: bytes
) -> LambdaResponse:
    """Return a response as payload format 2.0 has it."""
    return {
        "statusCode": status,
        "headers": {k.decode(): v.decode() for k, v in headers},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


class JsonRequest(Request):
    """A request whose JSON is read once, and as body.parse() reads it."""

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
                return error_response(error)
            except RequestValidationError as error:
                return error_response(invalid(error))

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
        check_declared(**request.scope["state"])
        sent = await request.json()
        if not isinstance(sent, dict):
            rule, constraint = RULES["body"]
            message = f"{rule}, not {type_name(sent)}"
            raise ValidationFailed(message, {"field": "body", "constraint": constraint})


def create_app(route_class: type[ContractRoute] = ContractRoute) -> FastAPI:
    """Return an application for one function's one operation.

    FastAPI isn't told the content type, and reads any body as JSON: check_body() alone
    decides whether a body is declared as JSON.
    """
    app = FastAPI(
        openapi_url=None,
        strict_content_type=False,
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError), fail),
    )
    app.router.route_class = route_class
    return app


async def fail(request: Request, error: Exception) -> Response:
    """Take an answer of FastAPI's own for the bug that it is."""
    raise error


def lambda_handler(
    app: FastAPI, ready: Callable[[], None] = lambda: None
) -> Callable[[object, "LambdaContext"], LambdaResponse]:
    """Return the function that Lambda calls with each event.

    ready: what the init phase has to wait for.
    """
    failures: list[BaseException] = []

    async def watched(scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Keep what the app raises: Mangum would answer a body of its own."""
        try:
            await app(scope, receive, send)
        except BaseException as error:
            failures.append(error)
            raise

    mangum = Mangum(watched, lifespan="off", custom_handlers=[EventHandler])
    routes = frozenset(
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )
    cold = True
    ready()
    init_phase.end_init_phase()

    def serve(request: GatewayRequest, context: "LambdaContext") -> LambdaResponse:
        """Return the app's answer, or the contract's 500, whatever goes wrong."""
        failures.clear()
        time_budget.start(context.get_remaining_time_in_millis() / 1000)
        try:
            response = mangum({"scope": request.scope, "body": request.body}, context)
        except Exception as error:
            failures.append(error)
        finally:
            time_budget.end()
        if failures:
            log_cause(failures[0])
            return as_lambda_response(error_response(InternalError()))
        return response

    def handler(event: object, context: "LambdaContext") -> LambdaResponse:
        nonlocal cold
        started = time.perf_counter()
        # The logger's own clear_state() does this three times.
        logger.registered_formatter.clear_state()
        try:
            request = read_event(event, routes)
        except ForeignEvent as error:
            cold = False
            return refuse(event, error, routes, context)
        response = serve(request, context)
        add_common_headers(response, request.request_id)
        log = logger.error if response["statusCode"] >= 500 else logger.info
        log(
            "request",
            request_id=request.request_id,
            correlation_id=request.correlation_id,
            function_request_id=context.aws_request_id,
            route=request.route,
            status=response["statusCode"],
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
            database_ms=round(request_stats.database_seconds * 1000, 1),
            cold_start=cold,
            **collect_metrics(logger.get_current_keys().get("error"), cold),
        )
        cold = False
        return response

    return handler


def refuse(
    event: object,
    error: ForeignEvent,
    routes: Collection[str],
    context: "LambdaContext",
) -> LambdaResponse:
    """Return a 400 for an event that isn't the API's, and log what arrived.

    Who can invoke the function may read both. No metric counts it: a warm-up ping must
    not roll back a deployment.
    """
    from taskapi.web.foreign import kind_of

    expected = " or ".join(sorted(routes))
    expected = f"an API Gateway HTTP API event, payload format 2.0, for {expected}"
    logger.warning(
        "not an event of this API",
        arrived=kind_of(event),
        reason=str(error),
        expected=expected,
        function_request_id=context.aws_request_id,
    )
    response = as_lambda_response(error_response(BadRequest(f"Expected {expected}")))
    add_common_headers(response, context.aws_request_id)
    return response


def as_lambda_response(response: Response) -> LambdaResponse:
    return lambda_response(
        response.status_code, response.raw_headers, bytes(response.body)
    )


def add_common_headers(response: LambdaResponse, request_id: str) -> None:
    """Add what every answer has."""
    headers = response["headers"]
    headers["x-content-type-options"] = "nosniff"
    headers["x-request-id"] = request_id
    headers["cache-control"] = "private, no-cache" if "etag" in headers else "no-store"


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return content as JSON in UTF-8."""
    return Response(to_json(content), status, headers, "application/json")


def error_response(error: ApiError) -> Response:
    """Return the contract's error body."""
    logger.append_keys(error=error.code)
    body: dict[str, object] = {"error": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    return json_response(body, error.status, error.headers)


def log_cause(error: BaseException) -> None:
    """Log what went wrong and where, without the message: it may quote a task.

    A wrong setting is no bug: its message says all, and quotes nothing.
    """
    logger.append_keys(
        exception=f"{type(error).__module__}.{type(error).__qualname__}",
    )
    if isinstance(error, SettingsError):
        logger.append_keys(reason=str(error))
        return
    logger.append_keys(
        stack=[
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    )

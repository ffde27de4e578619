"""A FastAPI application as the function that Lambda calls."""

import logging
import time
import traceback
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from taskapi import time_budget
from taskapi.cold_start import dataclass_code, init_phase
from taskapi.cold_start.framework import APIRoute, FastAPI, Mangum
from taskapi.errors import BadRequest, InternalError, SettingsError
from taskapi.log import logger
from taskapi.metrics import collect_metrics
from taskapi.request_stats import request_stats
from taskapi.web.event import ForeignEvent, GatewayRequest, read_event
from taskapi.web.responses import (
    LambdaResponse,
    add_common_headers,
    lambda_error,
    to_lambda,
)

if TYPE_CHECKING:
    from mangum.types import (
        LambdaConfig,
        LambdaContext,
        LambdaEvent,
        Receive,
        Response,
        Scope,
        Send,
    )

# Mangum logs paths, and with them user ids, and the messages of exceptions, which may
# quote a task. lambda_handler logs requests and exceptions without either.
logging.getLogger("mangum").disabled = True
logging.getLogger("mangum.http").disabled = True


class EventHandler:
    """A custom handler of Mangum, for requests from read_event()."""

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

    def __call__(self, response: "Response") -> LambdaResponse:
        return to_lambda(response["status"], response["headers"], response["body"])


def lambda_handler(
    app: FastAPI, wait_for_init: Callable[[], None] = lambda: None
) -> Callable[[object, "LambdaContext"], LambdaResponse]:
    """Return the function that Lambda calls with each event.

    wait_for_init: waits for what the init phase does in the background.
    """
    failures: list[BaseException] = []

    async def app_with_failures(
        scope: "Scope", receive: "Receive", send: "Send"
    ) -> None:
        """Keep the exception: Mangum would turn it into a response of its own."""
        try:
            await app(scope, receive, send)
        except BaseException as error:
            failures.append(error)
            raise

    mangum = Mangum(app_with_failures, lifespan="off", custom_handlers=[EventHandler])
    api_routes = [route for route in app.routes if isinstance(route, APIRoute)]
    routes = frozenset(
        f"{method} {route.path}"
        for route in api_routes
        for method in route.methods or ()
    )
    headers = frozenset(
        parameter.alias.lower()
        for route in api_routes
        for parameter in route.dependant.header_params
    )
    cold = True
    wait_for_init()
    dataclass_code.stop()
    init_phase.end_init_phase()

    def serve(request: GatewayRequest, context: "LambdaContext") -> LambdaResponse:
        """Return the app's response, or the contract's 500 if anything goes wrong."""
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
            return lambda_error(InternalError())
        return response

    def handler(event: object, context: "LambdaContext") -> LambdaResponse:
        nonlocal cold
        started = time.perf_counter()
        # Forget the keys of the previous request. Powertools' Logger.clear_state() does
        # the same three times.
        logger.registered_formatter.clear_state()
        try:
            request = read_event(event, routes, headers)
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

    Anyone who can invoke the function may read both. No metric counts it: a warm-up
    ping must not roll back a deployment.
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
    response = lambda_error(BadRequest(f"Expected {expected}"))
    add_common_headers(response, context.aws_request_id)
    return response


def log_cause(error: BaseException) -> None:
    """Log the exception's type and stack, but not its message, which may quote a task.

    A wrong setting is not a bug: its message names the setting and quotes no value.
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

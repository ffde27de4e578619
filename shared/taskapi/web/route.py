"""A route that follows the contract in cases where FastAPI doesn't."""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from taskapi.cold_start.framework import (
    APIRoute,
    Request,
    RequestValidationError,
    Response,
)
from taskapi.errors import ApiError, BadRequest, PayloadTooLarge, ValidationFailed
from taskapi.strict_json import type_name
from taskapi.web.arguments import fast_endpoint
from taskapi.web.body import check_declared, parse
from taskapi.web.responses import error_response

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class JsonRequest(Request):
    """A request whose body is parsed once, by body.parse()."""

    async def json(self) -> object:
        if not hasattr(self, "_parsed"):
            self._parsed = parse(await self.body())
        return self._parsed


class ContractRoute(APIRoute):
    """A route with the contract's errors.

    FastAPI reads the body before it runs dependencies, answers malformed JSON with a
    422, and has an error body of its own.
    """

    max_body_bytes = 64 * 1024

    async def admit(self, request: Request) -> None:
        """Raise an ApiError to refuse the caller; this route refuses nobody."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = fast_endpoint(self) or super().get_route_handler()

        async def handle(received: Request) -> Response:
            request = JsonRequest(received.scope, received.receive)
            try:
                await self.admit(request)
                await self.check_body(request)
                return await endpoint(request)
            except ApiError as error:
                return error_response(error)
            except RequestValidationError as error:
                return error_response(self.invalid(error.errors()))

        return handle

    def invalid(self, errors: Sequence["ErrorDetails"]) -> ValidationFailed:
        """Return the error for a request that FastAPI finds invalid."""
        # Imported here because it imports a task's fields, which Health doesn't need.
        from taskapi.web.validation import validation_failed

        return validation_failed(errors)

    async def check_body(self, request: JsonRequest) -> None:
        """Raise the contract's error for a body that is too large, missing or no
        object."""
        body = await request.body()
        if len(body) > self.max_body_bytes:
            message = f"The body must be at most {self.max_body_bytes} bytes"
            raise PayloadTooLarge(message)
        if self.body_field is None:
            return
        if not body:
            if self.body_field.field_info.is_required():
                raise BadRequest("A JSON body is required")
            return
        check_declared(**request.scope["state"])
        value = await request.json()
        if not isinstance(value, dict):
            raise ValidationFailed(
                f"The body must be a JSON object, not {type_name(value)}",
                {"field": "body", "constraint": "object"},
            )

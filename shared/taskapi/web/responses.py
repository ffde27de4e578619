"""Responses: JSON, the contract's errors, and the form that API Gateway takes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskapi.cold_start.framework import Response, to_json
from taskapi.errors import ApiError
from taskapi.log import logger

LambdaResponse = dict[str, Any]
"""What API Gateway takes: payload format 2.0."""


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return content as JSON in UTF-8."""
    return Response(to_json(content), status, headers, "application/json")


def error_response(error: ApiError) -> Response:
    """Return the contract's error body, and log the error's code."""
    logger.append_keys(error=error.code)
    body: dict[str, object] = {"error": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    return json_response(body, error.status, error.headers)


def to_lambda(
    status: int, headers: Iterable[Sequence[bytes]], body: bytes
) -> LambdaResponse:
    """Return a response in payload format 2.0."""
    return {
        "statusCode": status,
        "headers": {k.decode(): v.decode() for k, v in headers},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def lambda_error(error: ApiError) -> LambdaResponse:
    """Return the contract's error body in payload format 2.0."""
    response = error_response(error)
    return to_lambda(response.status_code, response.raw_headers, bytes(response.body))


def add_common_headers(response: LambdaResponse, request_id: str) -> None:
    """Add the headers that every response has."""
    headers = response["headers"]
    headers["x-content-type-options"] = "nosniff"
    headers["x-request-id"] = request_id
    headers["cache-control"] = "private, no-cache" if "etag" in headers else "no-store"

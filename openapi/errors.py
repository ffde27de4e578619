"""The schema and an example of each error that the contract has."""

from collections.abc import Callable

from openapi.schemas import Json
from taskapi.errors import (
    ApiError,
    BadRequest,
    PayloadTooLarge,
    PreconditionFailed,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    ValidationFailed,
)
from taskapi.postgres.faults import WRITING
from taskapi.tasks import etags
from taskapi.tasks.fields import EXAMPLE
from taskapi.web.documentation import ref

ERRORS = {kind.__name__: kind for kind in ApiError.__subclasses__()}
"""All errors, by the names of their schemas."""

DETAILS: dict[type[ApiError], Json] = {
    Unauthorized: {
        **ref("Problem"),
        "description": "Only where a valid token is for another user's path: `field` "
        "is then `user_id`, and a new token won't help.",
    },
    PreconditionFailed: {
        "type": "object",
        "required": ["task"],
        "properties": {"task": ref("Task")},
        "description": "The task as it is now.",
    },
    ValidationFailed: {**ref("Problem")},
}
"""The schema of an error's `details`; the others have none."""

DETAILS_ARE_OPTIONAL = {Unauthorized}

EXAMPLES: dict[type[ApiError], ApiError] = {
    type(error): error
    for error in (
        BadRequest(
            "The body must be valid JSON in UTF-8: Expecting value at line 1, column 10"
        ),
        Unauthorized("Invalid or expired JWT token", "Bearer"),
        PreconditionFailed(
            etags.CHANGED, {"task": EXAMPLE | {"title": "Buy oats", "etag": '"1-2"'}}
        ),
        PayloadTooLarge("The body must be at most 65536 bytes"),
        ValidationFailed(
            "The body must be a JSON object", {"field": "body", "constraint": "object"}
        ),
        TooManyRequests(WRITING),
        ServiceUnavailable("The database can't be reached"),
    )
}
"""Examples of the errors whose messages vary."""


def error_schema(kind: type[ApiError]) -> Json:
    """Return the schema of an error's body."""
    properties: Json = {
        "error": {"const": kind.code},
        "message": {"type": "string"},
    }
    required = list(properties)
    if kind in DETAILS:
        properties["details"] = DETAILS[kind]
        if kind not in DETAILS_ARE_OPTIONAL:
            required.append("details")
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


def error_example(kind: type[ApiError]) -> Json:
    """Return an example of an error's body."""
    make: Callable[..., ApiError] = kind
    error = EXAMPLES.get(kind) or make()
    body: Json = {"error": error.code, "message": error.message}
    return body | ({"details": error.details} if error.details else {})


def error_union() -> Json:
    """Return the schema of any error."""
    return {
        "description": "Any error: `error` says which; API Gateway's own have none.",
        "anyOf": [ref(name) for name in [*ERRORS, "GatewayMessage"]],
    }

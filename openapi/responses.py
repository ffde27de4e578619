"""An operation's responses: what it declares, and what all of them share."""

from openapi.errors import ERRORS, error_example
from openapi.schemas import SHARED_SCHEMAS, Json
from taskapi.errors import (
    ApiError,
    InternalError,
    PayloadTooLarge,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from taskapi.web.documentation import Responses, errors, named, ref

DESCRIPTIONS: dict[str, tuple[str, str]] = {
    "X-Request-Id": ("The gateway's id of this request.", "ATfSmjLgPHcESJw="),
    "X-Content-Type-Options": ("Browsers must not guess types.", "nosniff"),
    "Cache-Control": (
        "`private, no-cache` where there is an ETag, else `no-store`.",
        "no-store",
    ),
    "ETag": (
        "Of a task: its version, for If-Match and If-None-Match. Of a list or the "
        "summary: for If-None-Match.",
        '"1-1"',
    ),
    "Location": ("The task's path.", "/api/demo/tasks/1"),
    "Link": (
        'The next page, as `<…>; rel="next"`; absent from the last page.',
        '</api/demo/tasks?limit=50&cursor=SGVsbG8>; rel="next"',
    ),
    "Idempotent-Replayed": ("Sent where the key was used before.", "true"),
    "WWW-Authenticate": (
        "Bare `Bearer` where no token was sent (RFC 6750, section 3).",
        'Bearer error="invalid_token"',
    ),
    "Retry-After": ("Seconds to wait before trying again.", "1"),
}
"""A header's description and an example."""

OPTIONAL = {"Link", "Idempotent-Replayed"}

HEADERS: Json = {
    name: {
        "description": description,
        "required": name not in OPTIONAL,
        "schema": {"type": "string"},
        "example": example,
    }
    for name, (description, example) in DESCRIPTIONS.items()
}

COMMON_HEADERS = ("X-Request-Id", "X-Content-Type-Options", "Cache-Control")
ERROR_HEADERS: dict[type[ApiError], str] = {
    Unauthorized: "WWW-Authenticate",
    ServiceUnavailable: "Retry-After",
}

COMMON_ERRORS = (Unauthorized, PayloadTooLarge, InternalError, ServiceUnavailable)
"""The errors that any operation on a user's data may return."""

GATEWAY_EXAMPLE = {"throttled": {"message": "Too Many Requests"}}
THROTTLED: Json = {
    "description": "Throttled by API Gateway; wait, then send the request again.",
    "content": {
        "application/json": {
            "schema": ref("GatewayMessage"),
            "examples": named(GATEWAY_EXAMPLE),
        }
    },
}
LIMITED: Json = {
    "description": "This user sends too much at once, or has made too many changes; "
    "nothing was written. Without `error` and `Retry-After`, throttled by API Gateway. "
    "Wait, then send the request again.",
    "headers": {"Retry-After": {**HEADERS["Retry-After"], "required": False}},
    "content": {
        "application/json": {
            "schema": {"oneOf": [ref("TooManyRequests"), ref("GatewayMessage")]},
            "examples": named(
                {TooManyRequests.code: error_example(TooManyRequests)} | GATEWAY_EXAMPLE
            ),
        }
    },
}


def complete_responses(declared: Responses, *, authenticated: bool) -> Json:
    """Return all responses of an operation, by status."""
    common = errors(*COMMON_ERRORS) if authenticated else {}
    completed = {
        str(status): complete_response(response)
        for status, response in (common | declared).items()
    }
    completed["429"] = LIMITED if authenticated else THROTTLED
    return dict(sorted(completed.items()))


def complete_response(declared: Json) -> Json:
    """Return a response with the headers that all have, and with examples."""
    body = declared.get("content", {}).get("application/json", {})
    schema = body.get("schema", {})
    own = [ERROR_HEADERS[k] for k in error_kinds(schema) if k in ERROR_HEADERS]
    headers = [*declared.get("headers", {}), *own, *COMMON_HEADERS]
    completed: Json = {
        "description": declared["description"],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    if body:
        content: Json = {"schema": schema}
        if examples := complete_examples(body.get("examples", {}), schema):
            content["examples"] = examples
        completed["content"] = {"application/json": content}
    return completed


def error_kinds(schema: Json) -> list[type[ApiError]]:
    """Return the errors that a response's schema refers to."""
    names = (referred(each) for each in schema.get("oneOf", [schema]))
    return [ERRORS[name] for name in names if name in ERRORS]


def referred(schema: Json) -> str:
    """Return the name of the schema that this one refers to, or an empty string."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def complete_examples(declared: Json, schema: Json) -> Json:
    """Return the examples of a body: the declared ones, and those of its schema."""
    examples: Json = {kind.code: error_example(kind) for kind in error_kinds(schema)}
    if (name := referred(schema)) in SHARED_SCHEMAS:
        examples[name.lower()] = SHARED_SCHEMAS[name]["examples"][0]
    if (name := referred(schema.get("items", {}))) in SHARED_SCHEMAS:
        examples[f"one {name.lower()}"] = [SHARED_SCHEMAS[name]["examples"][0]]
    return named(examples) | declared

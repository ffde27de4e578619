"""The OpenAPI document: the operations of all functions, and what they share."""

from pathlib import Path

from openapi.errors import error_union
from openapi.operations import read_operations
from openapi.responses import HEADERS
from openapi.schemas import SHARED_SCHEMAS, Json

ROOT = Path(__file__).parent.parent

TAGS = {
    "tasks": "The tasks of one user, whose token is needed.",
    "trash": "Deleted tasks, for 30 days.",
    "user": "All that is stored for one user.",
    "health": "For uptime monitors and load balancers.",
}

DESCRIPTION = """\
To-do lists for many users.

Send `Authorization: Bearer <JWT>` with a token of Better Auth's; `{user_id}` is its
`sub`. Errors have a code for programs and a message for people. A create with an
`Idempotency-Key` can be sent again safely; `If-Match` with the `ETag` that was read
keeps a write from undoing somebody else's."""

SERVERS: list[Json] = [
    {"url": "http://127.0.0.1:8000", "description": "make run"},
    {
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "description": "deployed: the stack's output ApiUrl",
        "variables": {
            "api": {"default": "abcdefghij"},
            "region": {"default": "eu-central-1"},
        },
    },
]

TOKEN: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Issued by Better Auth; `make token` prints one.",
}


def document() -> Json:
    """Return the OpenAPI 3.1 document of all functions."""
    schemas = dict(SHARED_SCHEMAS)
    paths: Json = {}
    for operation in read_operations(ROOT / "functions"):
        schemas = schemas | operation.schemas
        paths.setdefault(operation.path, {})[operation.method] = operation.described
    schemas["Error"] = error_union()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tasks",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": SERVERS,
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": HEADERS,
            "securitySchemes": {"bearer": TOKEN},
        },
    }

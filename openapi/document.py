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
`sub`.

**Errors** have a code for programs (`error`) and a message for people. `details.field`
names the field, header or parameter that is wrong.

**Pages.** A list has at most `limit` tasks. If there are more, the answer's `Link`
header has the address of the next page: send a request to it as it is, until there is
no `Link`. Each task comes exactly once, even if tasks are created and deleted
meanwhile.

**Retries.** After a 503, a 429 or no answer at all, wait (as `Retry-After` says, or a
second, then twice as long each time) and send the same request again. For a create,
send an `Idempotency-Key`, a new one for each new task and the same one for each retry:
then it creates one task however often it arrives. For other writes, send `If-Match`.

**Conflicts.** Each task has an `etag`. Send it as `If-Match` with a write: if somebody
has changed the task since, nothing is written and the answer is a 412, which has the
task as it is now in `details.task`. Show both versions, or make the change again on
that task and send its `etag`.

**Polling.** Answers with an `ETag` header are cheap to ask for again: browsers do it
by themselves and get a 304 as long as nothing has changed."""

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

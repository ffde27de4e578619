"""The route of a batch, its errors, and what openapi.json says about it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taskapi.errors import (
    BadRequest,
    Conflict,
    PayloadTooLarge,
    Problem,
    ValidationFailed,
)
from taskapi.tasks.batch import RULES
from taskapi.web.authenticated import AuthenticatedRoute
from taskapi.web.documentation import errors, examples, ref, response
from taskapi.web.validation import combine, to_problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


CREATE = {"op": "create", "task": {"title": "Buy groceries"}}
UPDATE = {"op": "update", "id": 1, "changes": {"title": "Buy oats"}}
COMPLETE = {"op": "complete", "id": 2, "completed": True}
DELETE = {"op": "delete", "id": 3}
RESTORE = {"op": "restore", "id": 4}

BODIES = examples(
    {
        "create": {"operations": [CREATE | {"idempotency_key": "7d3c1b52"}]},
        "update": {"operations": [UPDATE | {"if_match": '"1-1"'}]},
        "complete": {"operations": [COMPLETE]},
        "toggle": {"operations": [{"op": "complete", "id": 2}]},
        "delete": {"operations": [DELETE]},
        "restore": {"operations": [RESTORE]},
        "several": {"operations": [CREATE, UPDATE, COMPLETE, DELETE, RESTORE]},
    }
)
MAX_BODY_BYTES = 1024 * 1024

TOO_LARGE = PayloadTooLarge(f"The body must be at most {MAX_BODY_BYTES} bytes")
RESPONSES = (
    response(200, "The results, in the operations' order.", ref("Results"))
    | errors(
        BadRequest,
        Conflict,
        invalid_query=("operations[3].task.title", RULES["title"]),
    )
    | response(
        413,
        "The body is over the limit.",
        ref("PayloadTooLarge"),
        examples={
            TOO_LARGE.code: {"error": TOO_LARGE.code, "message": TOO_LARGE.message}
        },
    )
)


class BatchRoute(AuthenticatedRoute):
    """A route whose body has operations."""

    max_body_bytes = MAX_BODY_BYTES

    def invalid(self, errors: Sequence["ErrorDetails"]) -> ValidationFailed:
        return combine([to_operation_problem(error) for error in errors])


def to_operation_problem(error: "ErrorDetails") -> Problem:
    """Return what to say about an invalid field, with its place in the batch.

    pydantic's location of a title is ("body", "operations", 3, "create", "task",
    "title"), where "create" isn't a part of the body.
    """
    match error["loc"]:
        case ("body", "operations", int(index), _op, *names):
            place = ".".join((f"operations[{index}]", *map(str, names)))
            name = str(names[0] if len(names) == 1 else names[1])
        case ("body", "operations", int(index)):
            has_tag = error["type"].startswith("union_tag")
            name = "op" if has_tag else "operation"
            place = f"operations[{index}]" + (".op" if has_tag else "")
        case ("body", name, *_):
            place = name = str(name)
        case _:
            place = name = "body"
    return to_problem(name, error, RULES) | {"field": place}

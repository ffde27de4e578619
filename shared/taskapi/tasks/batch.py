"""Run many operations in one round trip, committed together."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from taskapi.cold_start.framework import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
)
from taskapi.errors import ApiError, Conflict, NotFound, ValidationFailed
from taskapi.postgres.faults import Locked
from taskapi.postgres.pipeline import Rows, Statement, query_all
from taskapi.strict_json import type_name
from taskapi.tasks import fields, identifiers
from taskapi.tasks.bodies import Completion, NewTask, TaskChanges
from taskapi.tasks.create import create_operation
from taskapi.tasks.fields import Rule, Task
from taskapi.tasks.identifiers import KEY_RULE, Key
from taskapi.tasks.operation import Operation
from taskapi.tasks.refusals import refusals
from taskapi.tasks.restore import restore_operation
from taskapi.tasks.write import (
    DELETE,
    NO_CHANGES,
    Completed,
    changing,
    complete_operation,
    write_operation,
)

MOST_OPERATIONS = 100

NO_ID = 0
"""What no task has as its id."""


def parse_id(value: object) -> int:
    """Return the id; NO_ID for a text or number that can't be one.

    Its own route would answer 404, as for any id without a task.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{RULES['id'].message}, not {type_name(value)}")
    try:
        return identifiers.parse_id(str(value))
    except NotFound:
        return NO_ID


def check_changes(changes: TaskChanges) -> TaskChanges:
    """Raise ValueError if there are none."""
    if not changes:
        raise ValueError(NO_CHANGES.message)
    return changes


Id = Annotated[
    int,
    BeforeValidator(parse_id),
    WithJsonSchema({"type": "integer", "format": "int64", "minimum": 1}),
]
IfMatch = Annotated[
    str | None, Field(description="Write only if the task still has this `etag`.")
]


class CreateOperation(TypedDict):
    """A task to add; with a key, only once however often it is sent."""

    op: Literal["create"]
    task: NewTask
    idempotency_key: NotRequired[Key | None]


class OfOneTask(TypedDict):
    """Which task, and the version that it must have."""

    id: Id
    if_match: NotRequired[IfMatch]


class UpdateOperation(OfOneTask):
    """Fields of a task to change."""

    op: Literal["update"]
    changes: Annotated[TaskChanges, AfterValidator(check_changes)]


class CompleteOperation(OfOneTask, Completion):
    """A task to complete or reopen; without `completed`, it toggles."""

    op: Literal["complete"]


class DeleteOperation(OfOneTask):
    """A task to delete."""

    op: Literal["delete"]


class RestoreOperation(OfOneTask):
    """A task to take out of the trash."""

    op: Literal["restore"]


AnyOperation = (
    CreateOperation
    | UpdateOperation
    | CompleteOperation
    | DeleteOperation
    | RestoreOperation
)


class Batch(TypedDict):
    """The body of a batch."""

    operations: Annotated[
        list[Annotated[AnyOperation, Field(discriminator="op")]],
        Field(min_length=1, max_length=MOST_OPERATIONS),
    ]


RULES = fields.RULES | {
    "operations": Rule(
        f"Operations must be a list of 1 to {MOST_OPERATIONS} operations",
        f"min_items=1, max_items={MOST_OPERATIONS}",
    ),
    "operation": Rule("An operation must be a JSON object", "object"),
    "op": Rule(
        "Op is required and must be create, update, complete, delete or restore",
        "create, update, complete, delete, restore",
    ),
    "id": Rule("Id is required and must be the id of a task", "integer"),
    "task": Rule("Task is required and must be a JSON object", "object"),
    "changes": Rule(
        "Changes are required and must be a JSON object", NO_CHANGES.constraint
    ),
    "if_match": Rule("If-Match must be null or the text of a task's etag", "etag"),
    "idempotency_key": KEY_RULE,
}
"""What to say about an invalid field of a batch."""


class Result(TypedDict, total=False):
    """What the operation's own route would answer: a task, or an error."""

    status: int
    task: Task
    next_task: Task | None
    """Only after a complete: the new task with the rule of a recurring one."""
    replayed: bool
    """Whether the key was used before; only there if it was."""
    error: str
    message: str
    details: object


COUNT = "SELECT count_write(%(user_id)s)"
"""A batch's first statement, so that the counter is the first lock (changes.py). A
write whose If-Match fails locks the task alone. If the batch took the counter after
that, it could wait for a request that has the counter and waits for the task."""


def run_batch(user_id: str, requested: Sequence[AnyOperation]) -> list[Result]:
    """Run the operations in order; return what the route of each one would answer.

    A 404, a 412 or a key that was used with another body doesn't stop the others. A
    value that Postgres refuses, or a key that another request is using, ends the batch
    with that error, and nothing is changed.
    """
    operations = [to_operation(user_id, each) for each in requested]
    statements = [Statement(COUNT, {"user_id": user_id})]
    statements += [Statement(each.sql, each.values) for each in operations]
    answered: list[Rows] = []
    repeatable = all(each.repeatable for each in operations)
    try:
        with refusals():
            query_all(statements, answered, repeatable=repeatable)
    except ValidationFailed as error:
        index = len(answered) - 1
        raise with_place(error, index, requested[index]) from error
    except Locked as error:
        # None: COUNT failed, which is answered first, or the commit.
        failed = [*requested, None][len(answered) - 1]
        if failed and uses_key(failed):
            raise Conflict from error
        raise
    _counted, *rows = answered
    return list(map(to_result, operations, rows))


T = TypeVar("T")


def to_operation(user_id: str, requested: AnyOperation) -> Operation[Result]:
    """Return the statement of an operation, and how its rows become a result."""
    if requested["op"] == "create":
        key = requested.get("idempotency_key")
        new = create_operation(user_id, requested["task"], key)
        return with_result(new, created_result)
    id, if_match = requested["id"], requested.get("if_match")
    if requested["op"] == "update":
        changes = requested["changes"]
        write = write_operation(changing(changes), user_id, id, if_match, changes)
        return with_result(write, task_result)
    if requested["op"] == "complete":
        wanted = requested.get("completed")
        completion = complete_operation(user_id, id, wanted, if_match)
        return with_result(completion, completed_result)
    if requested["op"] == "delete":
        write = write_operation(DELETE, user_id, id, if_match, {})
        return with_result(write, deleted_result)
    return with_result(restore_operation(user_id, id, if_match), task_result)


def with_result(
    operation: Operation[T], to_result: Callable[[T], Result]
) -> Operation[Result]:
    """Return the operation with a result of a batch."""
    sql, values, read_rows, repeatable = operation
    return Operation(sql, values, lambda rows: to_result(read_rows(rows)), repeatable)


def created_result(outcome: tuple[Task, bool]) -> Result:
    task, replayed = outcome
    result: Result = {"status": 201, "task": task}
    return result | {"replayed": True} if replayed else result


def task_result(task: Task) -> Result:
    return {"status": 200, "task": task}


def completed_result(outcome: Completed) -> Result:
    task, next_task = outcome
    return {"status": 200, "task": task, "next_task": next_task}


def deleted_result(task: Task) -> Result:
    return {"status": 204}


def to_result(operation: Operation[Result], rows: Rows) -> Result:
    """Return the result of an operation that succeeded or failed."""
    try:
        return operation.to_result(rows)
    except ApiError as error:
        failed: Result = {
            "status": error.status,
            "error": error.code,
            "message": error.message,
        }
        return failed | {"details": error.details} if error.details else failed


def with_place(
    error: ValidationFailed, index: int, requested: AnyOperation
) -> ValidationFailed:
    """Return the error with the place of the field in the batch."""
    details = dict(error.details or {})
    body = "task" if requested["op"] == "create" else "changes"
    details["field"] = f"operations[{index}].{body}.{details['field']}"
    return ValidationFailed(error.message, details)


def uses_key(requested: AnyOperation) -> bool:
    """Return whether it is a create with an Idempotency-Key of the caller's."""
    return requested["op"] == "create" and bool(requested.get("idempotency_key"))

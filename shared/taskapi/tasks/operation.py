"""A write: one statement, and what its rows mean. It runs alone or in a batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from taskapi.errors import PreconditionFailed
from taskapi.tasks import etags
from taskapi.tasks.fields import Task, to_task

Rows = Sequence[tuple[object, ...]]

Result = TypeVar("Result", covariant=True)


class Operation(NamedTuple, Generic[Result]):
    """A statement, its values, and the function that reads its rows.

    to_result: raises the ApiError that the rows stand for, such as NotFound.
    repeatable: whether running it twice has the same effect and result as once.
    """

    sql: str
    values: Mapping[str, object]
    to_result: Callable[[Rows], Result]
    repeatable: bool = False


def accepted_task(id: int, if_match: str | None, rows: Rows) -> Task:
    """Return the task of a row that ends with whether If-Match accepted its version.

    Raises NotFound, or PreconditionFailed with the task as it is.
    """
    task = to_task(rows)
    is_accepted = rows[0][-1]
    if not is_accepted:
        raise PreconditionFailed(etags.mismatch(if_match, id), {"task": task})
    return task

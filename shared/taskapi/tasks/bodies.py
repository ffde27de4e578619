"""The types of the bodies that operations take; a list doesn't import them."""

from typing import Annotated

from typing_extensions import TypedDict

from taskapi.cold_start.framework import (
    AfterValidator,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    with_config,
)
from taskapi.tasks import planning
from taskapi.tasks.recurrence import parse_recurrence

Title = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
    ),
]
Description = Annotated[
    str,
    StringConstraints(
        max_length=5000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    ),
]


Priority = Annotated[
    str,
    AfterValidator(planning.parse_priority),
    WithJsonSchema({"type": "string", "enum": list(planning.PRIORITIES)}),
]
Tags = Annotated[
    list[object],
    AfterValidator(planning.parse_tags),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": 20,
            "items": {"type": "string", "minLength": 1, "maxLength": 50},
        }
    ),
]
DueDate = Annotated[
    str,
    AfterValidator(planning.parse_due_date),
    WithJsonSchema(
        {
            "type": "string",
            "description": "A day, an instant with an offset, or a time in "
            "`time_zone`.",
        }
    ),
]
TimeZone = Annotated[
    str,
    AfterValidator(planning.parse_time_zone),
    WithJsonSchema({"type": "string", "description": "An IANA name."}),
]
Recurrence = Annotated[
    str,
    AfterValidator(parse_recurrence),
    WithJsonSchema(
        {
            "type": "string",
            "description": "`daily`, `weekly`, `monthly`, `yearly`, or a rule of RFC "
            "5545 with `FREQ`, `INTERVAL`, `COUNT` or `UNTIL`, `BYDAY` and "
            "`BYMONTHDAY`. It needs a `due_date`.",
        }
    ),
]


class RequiredTitle(TypedDict):
    title: Title


class OptionalTitle(TypedDict, total=False):
    title: Title


class OptionalFields(TypedDict, total=False):
    """What a create and an update may leave out."""

    description: Description | None
    completed: StrictBool
    priority: Priority
    tags: Tags
    due_date: DueDate | None
    time_zone: TimeZone | None
    recurrence: Recurrence | None


class NewTask(RequiredTitle, OptionalFields):
    """The body of a create."""


@with_config(json_schema_extra={"minProperties": 1})
class TaskChanges(OptionalTitle, OptionalFields):
    """The body of an update: a field that isn't sent isn't here, and stays."""


class Completion(TypedDict, total=False):
    """The body of a complete: without `completed`, it toggles."""

    completed: StrictBool

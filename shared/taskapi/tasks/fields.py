"""The fields of a task: statements, responses and documents derive from this list.

To add a field, write a migration, add an entry to FIELDS, and give its type in Task
and, if requests may set it, in OptionalFields (bodies.py).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple, cast

from typing_extensions import TypedDict

from taskapi.errors import NotFound
from taskapi.tasks import etags, planning


class Rule(NamedTuple):
    """What a value in a request must be; the caller reads it."""

    message: str
    constraint: str
    type_message: str | None = None
    """What to say about a value of another type, if not `message`."""
    is_text: bool = False
    """Whether it is free text: control characters have a message of their own."""


class Field(NamedTuple):
    """A field of a task."""

    name: str
    schema: Mapping[str, object]
    """Its JSON Schema in a response, without the rule, which old rows may break."""
    example: object
    column: str | None = None
    """The SQL that selects it, if that isn't its name."""
    rule: Rule | None = None
    """The rule of a field that requests may set; None if only the database sets it."""
    sql_type: str = "text"
    """The type of its parameter in statements, if requests may set it."""
    default: object = None
    """The value in a new task, if the request has none."""
    stored: Mapping[str, str] | None = None
    """How a value that Postgres converts is stored: the SQL of each column. In it,
    {time_zone} stands for the time zone that the task has after the write."""

    @property
    def parameter(self) -> str:
        return f"%({self.name})s::{self.sql_type}"

    @property
    def columns(self) -> Mapping[str, str]:
        """The SQL of each column in which a request's value is stored."""
        return self.stored or {self.name: self.parameter}


TIME = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, in UTC.",
}

FIELDS = (
    Field(
        "id",
        {
            "type": "integer",
            "format": "int64",
            "minimum": 1,
            "description": "Never used again.",
        },
        example=1,
    ),
    Field(
        "title",
        {"type": "string"},
        example="Buy groceries",
        rule=Rule(
            "Title is required and must be between 1 and 200 characters",
            "min_length=1, max_length=200",
            type_message="Title must be text of 1 to 200 characters",
            is_text=True,
        ),
    ),
    Field(
        "description",
        {"type": ["string", "null"]},
        example="Oats, milk, two lemons",
        rule=Rule(
            "Description must be null or text of at most 5000 characters",
            "max_length=5000",
            is_text=True,
        ),
    ),
    Field(
        "completed",
        {"type": "boolean"},
        example=False,
        rule=Rule("Completed must be a JSON boolean, true or false", "boolean"),
        sql_type="boolean",
        default=False,
    ),
    Field(
        "priority",
        {"type": "string", "enum": list(planning.PRIORITIES)},
        example="medium",
        rule=Rule(
            "Priority must be low, medium, high or urgent", "low, medium, high, urgent"
        ),
        sql_type="task_priority",
        default="medium",
    ),
    Field(
        "tags",
        {"type": "array", "items": {"type": "string"}},
        example=["home"],
        rule=Rule(
            "Tags must be a list of at most 20 tags of 1 to 50 characters each, "
            "without commas",
            "max_items=20, min_length=1, max_length=50, no commas",
        ),
        sql_type="text[]",
        default=[],
    ),
    Field(
        "due_date",
        {
            "type": ["string", "null"],
            "description": "A day, such as `2026-03-09`, or an instant: RFC 3339, in "
            "UTC.",
        },
        example="2026-03-09T17:00:00.000000Z",
        column="COALESCE(to_char(due_on::timestamp, 'YYYY-MM-DD'), rfc3339(due_at))",
        rule=Rule(
            "Due date must be null, a day (2026-03-09), a time with an offset "
            "(2026-03-09T17:00:00+01:00) or, if the task has a time_zone, a time "
            "without one (2026-03-09T17:00:00)",
            "date, or RFC 3339 date-time",
        ),
        stored={
            "due_on": "CASE WHEN length(%(due_date)s::text) = 10"
            " THEN %(due_date)s::date END",
            "due_at": "CASE WHEN length(%(due_date)s::text) > 10"
            " THEN due_moment(%(due_date)s, {time_zone}) END",
        },
    ),
    Field(
        "time_zone",
        {"type": ["string", "null"], "description": "An IANA name."},
        example="Europe/Berlin",
        rule=Rule(
            "Time zone must be the name of a time zone in the IANA database, such as "
            "Europe/Berlin",
            "IANA time zone",
            type_message="Time zone must be null or text, such as Europe/Berlin",
        ),
        stored={"time_zone": "known_time_zone(%(time_zone)s)"},
    ),
    Field(
        "recurrence",
        {"type": ["string", "null"], "description": "A rule of RFC 5545."},
        example="FREQ=WEEKLY;BYDAY=MO",
        rule=Rule(
            "Recurrence must be daily, weekly, monthly, yearly or a rule of RFC 5545, "
            "such as FREQ=WEEKLY;BYDAY=MO",
            "RRULE",
            type_message="Recurrence must be null or text, such as daily",
        ),
    ),
    Field(
        "completed_at",
        TIME | {"type": ["string", "null"]},
        example=None,
        # Rows that the release before completed may have no time.
        column="rfc3339(CASE WHEN completed THEN"
        " COALESCE(completed_at, updated_at) END)",
    ),
    Field(
        "user_id",
        {"type": "string", "description": "The owner: the token's `sub`."},
        example="demo",
    ),
    Field(
        "created_at",
        TIME,
        example="2026-01-01T12:00:00.000000Z",
        column="rfc3339(created_at)",
    ),
    Field(
        "updated_at",
        TIME,
        example="2026-01-01T12:00:00.000000Z",
        column="rfc3339(updated_at)",
    ),
    Field(
        "etag",
        {
            "type": "string",
            "description": "The value of the `ETag` header, for `If-Match`.",
        },
        example='"1-1"',
        column=etags.COLUMN,
    ),
)
"""In the order in which responses have them."""

NAMES = tuple(field.name for field in FIELDS)
COLUMNS = ", ".join(field.column or field.name for field in FIELDS)
"""What every statement that returns tasks selects."""

BODY_FIELDS = tuple(field for field in FIELDS if field.rule)
"""The fields that a create and an update may send."""

DEFAULTS = {field.name: field.default for field in FIELDS}
COLUMN_DEFAULTS = json.dumps(
    {field.name: field.default for field in BODY_FIELDS if field.default is not None}
)
"""What a task in the trash has in columns that were added after it was deleted."""
RULES = {field.name: field.rule for field in FIELDS if field.rule}
EXAMPLE = {field.name: field.example for field in FIELDS}
BODY_EXAMPLE = {field.name: field.example for field in BODY_FIELDS}


def stored_columns(names: Collection[str], zone: str) -> dict[str, str]:
    """Return the SQL of each column that a write of these fields sets.

    zone: the SQL of the time zone that the task has after the write.
    """
    return {
        column: sql.replace("{time_zone}", zone)
        for field in BODY_FIELDS
        if field.name in names
        for column, sql in field.columns.items()
    }


class Task(TypedDict):
    """A task as responses have it."""

    id: int
    title: str
    description: str | None
    completed: bool
    priority: str
    tags: list[str]
    due_date: str | None
    time_zone: str | None
    recurrence: str | None
    completed_at: str | None
    user_id: str
    created_at: str
    updated_at: str
    etag: str


def to_tasks(rows: Iterable[tuple[object, ...]]) -> list[Task]:
    """Return rows that begin with COLUMNS as tasks.

    A comprehension that casts each row takes half as long again, in a list of 200.
    """
    return cast("list[Task]", list(map(dict, map(zip, repeat(NAMES), rows))))


def to_task(rows: Sequence[tuple[object, ...]]) -> Task:
    """Return the one row, which begins with COLUMNS, as a task; raise NotFound."""
    if not rows:
        raise NotFound
    [task] = to_tasks(rows)
    return task

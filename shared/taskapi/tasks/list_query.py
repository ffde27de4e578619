"""The query of a list: which tasks, in which order, and how many of them."""

import re
from functools import partial
from typing import Annotated, Literal

from taskapi.cold_start.framework import (
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
)
from taskapi.tasks import fields, planning
from taskapi.tasks.fields import Rule
from taskapi.tasks.paging import LIMIT, Cursor, Limit
from taskapi.tasks.planning import query_text

STATUS_NAMES = {
    "all": "all",
    "pending": "pending",
    "incomplete": "pending",
    "active": "pending",
    "completed": "completed",
}
SORT_NAMES = {
    "created_at": "created",
    "updated_at": "updated",
    "title": "title",
    "due_date": "due_date",
    "priority": "priority",
    "created": "created",
    "updated": "updated",
}
"""What each value means; statements and cursors have these names."""

Search = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
    Field(description="Found anywhere in title or description, ignoring case."),
]


def parse_bound(name: str, text: str) -> tuple[str, bool]:
    """Return the instant in UTC, or 00:00 UTC of a day, and whether it is a day.

    name: what an error's message calls the parameter.
    """
    if re.search(r"\d \d\d:\d\d$", text):
        raise ValueError(
            f"{name} has a space where an offset begins: send + as %2B "
            "(2026-03-09T17:00:00%2B01:00), or the time in UTC with Z"
        )
    try:
        moment = planning.parse_due_date(text) or ""
    except ValueError as error:
        raise ValueError(str(error).replace("Due date", name)) from error
    is_day = len(moment) == len("2026-03-09")
    if not is_day and not moment.endswith("Z"):
        raise ValueError
    return (f"{moment}T00:00:00Z" if is_day else moment), is_day


def parse_priorities(text: str) -> tuple[str, ...]:
    """Return the priorities in a list with commas; none if it has all."""
    found = {planning.parse_priority(part.strip()) for part in text.split(",")}
    if found == set(planning.PRIORITIES):
        return ()
    return tuple(each for each in planning.PRIORITIES if each in found)


def parse_tags(text: str) -> list[str]:
    """Return the tags in a list with commas."""
    return planning.parse_tags(text.split(","))


Status = Annotated[
    Literal["all", "pending", "completed", "incomplete", "active"],
    Field(description="Which tasks; `incomplete` and `active` mean `pending`."),
]
Sort = Annotated[
    Literal[
        "created_at",
        "updated_at",
        "title",
        "due_date",
        "priority",
        "created",
        "updated",
    ],
    Field(
        description="`created` and `updated` are older names of `created_at` and "
        "`updated_at`. Equal priorities are ordered by `created_at`. Tasks without a "
        "due date come last in both orders."
    ),
]
Order = Annotated[
    Literal["asc", "desc"],
    Field(description="Default: `desc`; `asc` for `sort=title` and `sort=due_date`."),
]
Priorities = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_priorities),
    query_text(
        "One or more, separated by commas: tasks with any of them.", "high,urgent"
    ),
]
Tags = Annotated[
    list[str],
    BeforeValidator(parse_tags),
    query_text("One or more, separated by commas: tasks with all of them.", "home"),
]
DueFrom = Annotated[
    tuple[str, bool],
    BeforeValidator(partial(parse_bound, "Due from")),
    query_text("A day or an instant: tasks that are due then or later.", "2026-03-09"),
]
DueBefore = Annotated[
    tuple[str, bool],
    BeforeValidator(partial(parse_bound, "Due before")),
    query_text("A day or an instant: tasks that are due before it.", "2026-03-09"),
]
TimeZone = Annotated[
    str,
    BeforeValidator(planning.parse_query_time_zone),
    query_text(
        "Where a day in `due_from` or `due_before` begins, for tasks that are due at "
        "an instant; by default UTC.",
        "Europe/Berlin",
    ),
]


class Listing(BaseModel):
    """All that a query may hold; other parameters are ignored."""

    status: Status = "all"
    search: Search | None = None
    priority: Priorities | None = None
    tags: Tags | None = None
    due_from: DueFrom | None = None
    due_before: DueBefore | None = None
    time_zone: TimeZone | None = None
    sort: Sort = "created_at"
    order: Order | None = None
    limit: Limit = 200
    cursor: Cursor | None = None

    @property
    def sort_name(self) -> str:
        return SORT_NAMES[self.sort]

    @property
    def sort_order(self) -> str:
        ascends = self.sort_name in ("title", "due_date")
        return self.order or ("asc" if ascends else "desc")


LISTS = ("priority", "tags")
"""The parameters that are lists with commas."""


def bound_rule(name: str) -> Rule:
    """Return the rule of an end of the range of due dates."""
    return Rule(
        f"{name} must be a day (2026-03-09) or a time with an offset "
        "(2026-03-09T17:00:00Z)",
        "date, or RFC 3339 date-time",
    )


RULES = {
    "status": Rule(
        "Status must be all, pending or completed; incomplete and active mean pending",
        "all, pending, completed, incomplete, active",
    ),
    "search": Rule(
        "Search must be between 1 and 200 characters",
        "min_length=1, max_length=200",
        is_text=True,
    ),
    "priority": Rule(
        "Priority must be one or more of low, medium, high and urgent, separated by "
        "commas",
        "low, medium, high, urgent",
    ),
    "tags": Rule(
        "Tags must be one or more tags of 1 to 50 characters, separated by commas",
        "max_items=20, min_length=1, max_length=50",
    ),
    "due_from": bound_rule("Due from"),
    "due_before": bound_rule("Due before"),
    "time_zone": fields.RULES["time_zone"],
    "sort": Rule(
        "Sort must be created_at, updated_at, title, due_date or priority",
        "created_at, updated_at, title, due_date, priority",
    ),
    "order": Rule("Order must be asc or desc", "asc, desc"),
    "limit": LIMIT,
}

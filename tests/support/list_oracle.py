"""The list that a query asks for, made by Python."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from taskapi.tasks.planning import PRIORITIES

Task = dict[str, Any]
Query = Mapping[str, str]


def expected_list(tasks: Iterable[Task], query: Query) -> list[Task]:
    """Return the tasks that the query asks for, in order."""
    found = [
        task
        for task in tasks
        if all(MATCHES[name](task, query) for name in query if name in MATCHES)
    ]
    sort = OLDER_NAMES.get(query.get("sort", ""), query.get("sort", "created_at"))
    default = "asc" if sort in ("title", "due_date") else "desc"
    found.sort(key=KEYS[sort], reverse=query.get("order", default) == "desc")
    if sort == "due_date":
        found.sort(key=lambda task: task["due_date"] is None)
    return found


OLDER_NAMES = {"created": "created_at", "updated": "updated_at"}
KEYS: dict[str, Callable[[Task], tuple[object, ...]]] = {
    "created_at": lambda task: (task["created_at"], task["id"]),
    "updated_at": lambda task: (task["updated_at"], task["id"]),
    "title": lambda task: (task["title"], task["id"]),
    "due_date": lambda task: (due_key(task), task["id"]),
    "priority": lambda task: (
        PRIORITIES.index(task["priority"]),
        task["created_at"],
        task["id"],
    ),
}


def due_key(task: Task) -> str:
    """Return a due date as lists sort it."""
    due = str(task["due_date"])
    return f"{due}T00:00:00.000000Z" if len(due) == 10 else due


def matches_status(task: Task, query: Query) -> bool:
    status = query["status"]
    return status == "all" or task["completed"] == (status == "completed")


def matches_search(task: Task, query: Query) -> bool:
    texts = (task["title"], task["description"] or "")
    return any(query["search"].casefold() in text.casefold() for text in texts)


def bound(task: Task, query: Query, name: str) -> str:
    """Return what to compare a task's due_key() with."""
    sent = query[name]
    is_day = len(sent) == 10
    zone = (
        query.get("time_zone", "UTC") if is_day and len(task["due_date"]) > 10 else ""
    )
    moment = datetime.fromisoformat(sent)
    moment = moment.replace(tzinfo=ZoneInfo(zone or "UTC")) if is_day else moment
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


MATCHES: dict[str, Callable[[Task, Query], bool]] = {
    "status": matches_status,
    "search": matches_search,
    "priority": lambda task, query: task["priority"] in query["priority"].split(","),
    "tags": lambda task, query: {*query["tags"].split(",")} <= {*task["tags"]},
    "due_from": lambda task, query: (
        task["due_date"] is not None and due_key(task) >= bound(task, query, "due_from")
    ),
    "due_before": lambda task, query: (
        task["due_date"] is not None
        and due_key(task) < bound(task, query, "due_before")
    ),
}

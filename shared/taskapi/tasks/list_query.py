"""The query of a list: which tasks, in which order, and how many of them."""

import re
from typing import Annotated, Literal

from taskapi.cold_start.framework import (
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
)
from taskapi.tasks.fields import Rule

Search = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
    Field(description="Found anywhere in title or description, ignoring case."),
]


def parse_decimal(text: str) -> int:
    """Return the number; Python and pydantic also read "+5", "1_0", "10.0" and " 5"."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise ValueError
    return int(text)


Limit = Annotated[
    int,
    Field(ge=1, le=200, description="Tasks in a page."),
    BeforeValidator(parse_decimal),
]
Cursor = Annotated[str, Field(description="What a `Link` header gave.")]
Status = Annotated[
    Literal["all", "pending", "completed"], Field(description="Which tasks.")
]
Sort = Annotated[
    Literal["created", "updated", "title"],
    Field(description="By the time of creation or of the last change, or title."),
]
Order = Annotated[
    Literal["asc", "desc"],
    Field(description="Default: `desc`; `asc` for `sort=title`."),
]


class Listing(BaseModel):
    """All that a query may hold; other parameters are ignored."""

    status: Status = "all"
    search: Search | None = None
    sort: Sort = "created"
    order: Order | None = None
    limit: Limit = 200
    cursor: Cursor | None = None


RULES = {
    "status": Rule(
        "Status must be all, pending or completed", "all, pending, completed"
    ),
    "search": Rule(
        "Search must be between 1 and 200 characters",
        "min_length=1, max_length=200",
        is_text=True,
    ),
    "sort": Rule("Sort must be created, updated or title", "created, updated, title"),
    "order": Rule("Order must be asc or desc", "asc, desc"),
    "limit": Rule(
        "Limit must be a whole number from 1 to 200, in decimal digits",
        "minimum=1, maximum=200",
    ),
}

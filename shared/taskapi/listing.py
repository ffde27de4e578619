"""The query of a list: which tasks, in which order, and how many of them."""

from typing import Annotated, Literal

from taskapi.framework import BaseModel, Field, Query, StringConstraints

Search = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
    Field(description="Found anywhere in title or description, ignoring case."),
]
Limit = Annotated[int, Field(ge=1, le=200, description="Tasks in a page.")]
Cursor = Annotated[str, Field(description="What a `Link` header gave.")]


class Listing(BaseModel):
    """All parameters in one model: FastAPI would go twice through each of six."""

    status: Literal["all", "pending", "completed"] = "all"
    search: Search | None = None
    sort: Literal["created", "updated", "title"] = "created"
    order: Literal["asc", "desc"] | None = None
    limit: Limit = 200
    cursor: Cursor | None = None


ListQuery = Annotated[Listing, Query()]

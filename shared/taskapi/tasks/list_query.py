"""The query of a list: which tasks, in which order, and how many of them."""

import re
from typing import Annotated, Literal

from taskapi.cold_start.framework import (
    BaseModel,
    BeforeValidator,
    Field,
    Request,
    RequestValidationError,
    StringConstraints,
    ValidationError,
)

Search = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
    Field(description="Found anywhere in title or description, ignoring case."),
]


def decimal(text: str) -> int:
    """Return the number; Python and pydantic also read "+5", "1_0", "10.0" and " 5"."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise ValueError("not in decimal digits")
    return int(text)


Limit = Annotated[
    int, Field(ge=1, le=200, description="Tasks in a page."), BeforeValidator(decimal)
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
    """All that a query may hold; what else is in it is ignored."""

    status: Status = "all"
    search: Search | None = None
    sort: Sort = "created"
    order: Order | None = None
    limit: Limit = 200
    cursor: Cursor | None = None


ListRequest = Annotated[Request, Listing]
"""A request whose query is a Listing; openapi/ reads this, FastAPI doesn't."""


def listing(request: Request) -> Listing:
    """Return what the query asks for; raise RequestValidationError.

    A parameter that is a model would do the same. But FastAPI finds out in each
    request what kind of type each field has: that was a fifth of all that a list took.
    """
    try:
        return Listing.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error

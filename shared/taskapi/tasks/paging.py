"""The parameters of a query that say which page of a list to return."""

import re
from typing import Annotated

from taskapi.cold_start.framework import BeforeValidator, Field
from taskapi.tasks.fields import Rule


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

LIMIT = Rule(
    "Limit must be a whole number from 1 to 200, in decimal digits",
    "minimum=1, maximum=200",
)

"""The types of the path parameters and headers that operations take."""

import re
from typing import Annotated

from taskapi.cold_start.framework import (
    BeforeValidator,
    Header,
    Path,
    StringConstraints,
    WithJsonSchema,
)
from taskapi.errors import NotFound

MAX_ID = 2**63 - 1
"""The greatest bigint."""

IfMatch = Annotated[
    str | None, Header(description="Write only if the task still has this `ETag`.")
]
IfNoneMatch = Annotated[
    str | None, Header(description="Answer 304 if the `ETag` is still this one.")
]
IdempotencyKey = Annotated[
    Annotated[
        str,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]*$"),
    ]
    | None,
    Header(description="One task however often this is sent; kept 24 hours."),
]


def parse_id(task_id: str) -> int:
    """Return the id; raise NotFound for a text that can't be one."""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", task_id) or int(task_id) > MAX_ID:
        raise NotFound
    return int(task_id)


TaskId = Annotated[
    int,
    BeforeValidator(parse_id),
    WithJsonSchema(
        {
            "type": "integer",
            "format": "int64",
            "minimum": 1,
            "maximum": MAX_ID,
            "examples": [1],
        }
    ),
    Path(description="The task's `id`."),
]

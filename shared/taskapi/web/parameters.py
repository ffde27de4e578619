"""The types of the path parameters and headers that operations take."""

from typing import Annotated

from taskapi.cold_start.framework import (
    BeforeValidator,
    Header,
    Path,
    WithJsonSchema,
)
from taskapi.tasks.fields import MAX_ID, Key, parse_id

IfMatch = Annotated[
    str | None, Header(description="Write only if the task still has this `ETag`.")
]
IfNoneMatch = Annotated[
    str | None, Header(description="Answer 304 if the `ETag` is still this one.")
]
IdempotencyKey = Annotated[
    Key | None,
    Header(description="One task however often this is sent; kept 24 hours."),
]


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

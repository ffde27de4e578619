"""What names a task or a create in a request: ids and Idempotency-Keys."""

import re
from typing import Annotated

from taskapi.cold_start.framework import StringConstraints
from taskapi.errors import NotFound
from taskapi.tasks.fields import Rule

Key = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]*$")
]
"""An Idempotency-Key."""
KEY_RULE = Rule(
    "Idempotency-Key must be between 1 and 255 printable ASCII characters",
    "min_length=1, max_length=255, printable ASCII",
)

MAX_ID = 2**63 - 1
"""The greatest bigint."""


def parse_id(task_id: str) -> int:
    """Return the id; raise NotFound for a text that can't be one."""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", task_id) or int(task_id) > MAX_ID:
        raise NotFound
    return int(task_id)

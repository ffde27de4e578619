"""Values that only Postgres can check, because it has the time zones."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from taskapi.errors import ValidationFailed
from taskapi.tasks import planning
from taskapi.tasks.fields import RULES

REFUSED = "T0002"
"""What functions of migrations raise, with the name of the field and of what is
wrong with its value. The transaction is rolled back, so nothing is written."""

MESSAGES = {
    ("due_date", "time_zone"): planning.NEEDS_ZONE,
    ("due_date", "range"): planning.OUT_OF_RANGE,
    ("time_zone", "unknown"): RULES["time_zone"].message,
    ("recurrence", "due_date"): "Recurrence needs a due_date, from which it counts",
}


@contextmanager
def refusals() -> Iterator[None]:
    """Raise ValidationFailed for a value that Postgres refuses."""
    try:
        yield
    except psycopg.DatabaseError as error:
        if error.sqlstate != REFUSED:
            raise
        field = str(error.diag.column_name)
        message = MESSAGES[field, str(error.diag.constraint_name)]
        details = {"field": field, "constraint": RULES[field].constraint}
        raise ValidationFailed(message, details) from error

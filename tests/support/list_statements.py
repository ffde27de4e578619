"""The statements of lists that differ in their parts."""

from itertools import product

from taskapi.tasks.list_statements import (
    CONDITIONS,
    ORDERS,
    SORTS,
    STATUSES,
    Shape,
    list_statement,
)
from taskapi.tasks.planning import PRIORITIES

CHOICES = [
    (),
    ("search",),
    ("priorities",),
    ("tags",),
    ("due_from",),
    tuple(CONDITIONS),
]
EVERY_LIST = {
    shape: list_statement(shape)
    for shape in (
        Shape(sort, order, status, names, priorities, position)
        for sort, order, status, names in product(SORTS, ORDERS, STATUSES, CHOICES)
        for priorities in (
            [PRIORITIES[:1], PRIORITIES[1:]] if "priorities" in names else [()]
        )
        for position in ("", "a task", "no due date")
        if position != "no due date" or sort == "due_date"
    )
}
"""By all that a statement depends on."""

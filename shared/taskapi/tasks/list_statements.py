"""The statements of lists. A list is one range of an index, or several."""

from dataclasses import dataclass
from functools import lru_cache

from taskapi.tasks.fields import COLUMNS

LIST = """
    SELECT {columns}
      FROM tasks
     WHERE user_id = %(user_id)s{conditions}
  ORDER BY {order}
     LIMIT {limit}
"""
MERGED = """
    SELECT {columns}
      FROM (SELECT * FROM ({ranges}) AS ranges
          ORDER BY {merged_order}
             LIMIT {limit}) AS page
"""
RANGE = """
    (SELECT tasks.*, {keys}
       FROM tasks
      WHERE user_id = %(user_id)s{conditions}
   ORDER BY {order}
      LIMIT {limit})"""

NEAR = """
    WITH near AS MATERIALIZED (
        SELECT *
          FROM (SELECT tasks.*, {keys}
                  FROM tasks
                 WHERE user_id = %(user_id)s{range}
              ORDER BY {order}
                 LIMIT 2000) AS nearest
         WHERE TRUE{conditions}
         LIMIT {limit}
    )"""
ENOUGH = "(SELECT count(*) > %(limit)s FROM near)"
OF_NEAR = " SELECT * FROM near WHERE {enough} UNION ALL"
"""A list of a tag first looks at the next 2,000 tasks, which is best for a tag that
many tasks have. If these don't fill the page, the tag is rarer, and the list reads all
tasks that have it from the index of tags, and sorts them."""

TURN = "(SELECT take_search_turn(%(user_id)s))"
"""A user has one list at a time that may read all tasks (migrations/0021_limits.sql): a
second one fails before it reads a row, and is sent again after a pause."""

LIMIT = "%(limit)s + 1"
HIDDEN_LIMIT = "(SELECT %(limit)s + 1)"
"""The planner should walk an index and stop at the page's end. Otherwise it would read
and sort all of a user's tasks. So COALESCE in the conditions hides from it how rare a
search seems, and this hides that a page may be most of the rows.

But where it has to choose between the index of the order and that of a condition, it
should know how few rows a page needs.
"""

STATUSES = {"all": (), "pending": ("NOT completed",), "completed": ("completed",)}
"""The conditions of each status."""

DUE = "COALESCE(due_at, due_on::timestamp AT TIME ZONE 'UTC', 'infinity')"
"""What due dates are sorted by: a day is 00:00 UTC, and no due date comes last. An
index has the same expression."""

LOCAL = """local_moment(%({bound})s::timestamptz AT TIME ZONE 'UTC',
                                  known_time_zone(%(time_zone)s))"""
"""When a day begins in the time zone."""

CONDITIONS = {
    "search": """(COALESCE(position((SELECT convert_to(folded(%(search)s), 'UTF8'))
                              IN convert_to(folded(title), 'UTF8')) > 0, FALSE)
            OR COALESCE(position((SELECT convert_to(folded(%(search)s), 'UTF8'))
                                 IN convert_to(folded(description), 'UTF8')) > 0,
                        FALSE))""",
    "priorities": "priority = ANY (%(priorities)s::task_priority[])",
    "tags": "tags @> %(tags)s::text[]",
    "due_from": f"{DUE} >= %(due_from)s::timestamptz AND {DUE} < 'infinity'",
    "due_before": f"{DUE} < %(due_before)s::timestamptz",
    "local_due_from": """{due} >= LEAST(%(due_from)s::timestamptz, {local})
       AND {due} >= CASE WHEN due_at IS NULL THEN %(due_from)s::timestamptz
                         ELSE (SELECT {local}) END
       AND {due} < 'infinity'""".replace("{due}", DUE).replace(
        "{local}", LOCAL.replace("{bound}", "due_from")
    ),
    "local_due_before": """{due} < GREATEST(%(due_before)s::timestamptz, {local})
       AND {due} < CASE WHEN due_at IS NULL THEN %(due_before)s::timestamptz
                        ELSE (SELECT {local}) END""".replace("{due}", DUE).replace(
        "{local}", LOCAL.replace("{bound}", "due_before")
    ),
    "time_zone": "(SELECT known_time_zone(%(time_zone)s) IS NOT NULL)",
}
"""By name; a list has those that its query asks for.

In UTF-8, a text contains another one exactly if its bytes do. Comparing bytes costs a
few nanoseconds at each position, for any search; LIKE compares character by character,
and a regular expression builds its automaton again for each row (docs/lists.md).

A day in due_from or due_before begins at 00:00 UTC for tasks that are due on a day, and
at 00:00 in the time zone for those that are due at an instant. In the local conditions,
the first comparison is for the index: the earlier of both, or the later.
"""

DUE_CONDITIONS = {name for name in CONDITIONS if "due" in name}

INDEXED_TAGS = """tags <> '{}'
       AND own_tags(user_id, tags) @> own_tags(%(user_id)s, %(tags)s::text[])"""
"""What the index of pending tasks' tags has."""


@dataclass(frozen=True)
class Key:
    """A value that a list is sorted by, besides the id."""

    sql: str
    """Not a bare name: ORDER BY would take it for a selected expression of that
    name."""
    parameter: str
    """The SQL of such a value in a cursor."""
    field: str
    """The field of a task that a cursor holds."""


CREATED = Key("tasks.created_at", "{}::timestamptz", "created_at")
SORTS = {
    "created": (CREATED,),
    "updated": (Key("tasks.updated_at", "{}::timestamptz", "updated_at"),),
    "title": (Key('title COLLATE "C"', "{}::text", "title"),),
    "due_date": (Key(DUE, "COALESCE({}::timestamptz, 'infinity')", "due_date"),),
    "priority": (Key("tasks.priority", "{}::task_priority", "priority"), CREATED),
}
"""By the names that cursors are signed with (list_query.SORT_NAMES)."""

ORDERS = {"asc": ("ASC", ">"), "desc": ("DESC", "<")}
"""The SQL of each order, and the operator for what comes after a position in it."""


@dataclass(frozen=True)
class Shape:
    """All that a list's statement depends on; no value of a query is in it."""

    sort: str = "created"
    order: str = "desc"
    status: str = "all"
    conditions: tuple[str, ...] = ()
    """Keys of CONDITIONS."""
    priorities: tuple[str, ...] = ()
    """Those that are asked for, if not all."""
    position: str = ""
    """Whether it begins after a position: "" for page 1, else "a task", or "no due
    date" if that task has none."""

    @property
    def walks_tags(self) -> bool:
        """Whether the index of tags is of use."""
        return "tags" in self.conditions and self.status == "pending"

    @property
    def walks_priorities(self) -> bool:
        """Whether an index has the tasks of each priority in the list's order."""
        return (
            bool(self.priorities)
            and self.status == "pending"
            and self.sort in ("created", "priority")
            and not self.walks_tags
        )

    @property
    def may_read_all(self) -> bool:
        """Whether it may read many more tasks than a page has.

        Each status has an index for these orders, and "pending" for all. With a
        condition, it depends on the tasks.
        """
        has_index = self.status == "pending" or self.sort in ("created", "updated")
        return bool(self.conditions) or not has_index

    def conditions_of_all(self) -> tuple[str, ...]:
        """Return the conditions that all ranges have."""
        conditions = tuple(
            CONDITIONS[name]
            for name in self.conditions
            if name != "priorities" or not self.walks_priorities
        )
        return (TURN, *conditions) if self.may_read_all else conditions

    def ranges(self) -> list[tuple[str, ...]]:
        """Return the conditions of each range of an index that makes up the list.

        A list of one status, or by creation, is one range. An index that begins with
        the status, or the priority, has a range for each. And in descending order,
        tasks without a due date are a range that comes last, although infinity would
        come first.
        """
        status = STATUSES[self.status]
        own = (*([self.after()] if self.position else []), *status)
        if (self.sort, self.order) == ("due_date", "desc"):
            undated = (f"{DUE} = 'infinity'", *status)
            if self.position == "no due date":
                return [("tasks.id < %(after_id)s", *undated)]
            dated = own if self.position else (f"{DUE} < 'infinity'", *own)
            if DUE_CONDITIONS.intersection(self.conditions):
                return [dated]
            return [dated, undated]
        if self.sort == "updated" and self.status == "all":
            return [(*own, *STATUSES[each]) for each in ("pending", "completed")]
        if self.walks_priorities:
            return [self.range_of(priority) for priority in self.priorities]
        return [own]

    def range_of(self, priority: str) -> tuple[str, ...]:
        """Return the conditions of the range that has the tasks of one priority.

        With sort=priority, the tasks after the position are all of this priority, or
        none, or, if the position has this priority, those after its time.
        """
        own = (f"tasks.priority = '{priority}'", *STATUSES[self.status])
        if not self.position:
            return own
        if self.sort != "priority":
            return (self.after(), *own)
        _, beyond = ORDERS[self.order]
        first, last = "-infinity", "infinity"
        if self.order == "desc":
            first, last = last, first
        after = f"""(tasks.created_at, tasks.id) {beyond}
           (CASE WHEN '{priority}' = %(after_0)s::task_priority
                 THEN %(after_1)s::timestamptz
                 WHEN '{priority}' {beyond} %(after_0)s::task_priority
                 THEN '{first}' ELSE '{last}' END, %(after_id)s)"""
        return (after, *own)

    def after(self) -> str:
        """Return the condition that a task comes after the position.

        It comes before other conditions of the same column: Postgres enters an index at
        the first one that it can use, or at an equality, and reads every entry from
        there on. So no range has an equality and a position in the same column.
        """
        keys = SORTS[self.sort]
        _, beyond = ORDERS[self.order]
        values = ", ".join(
            key.parameter.format(f"%(after_{number})s")
            for number, key in enumerate(keys)
        )
        columns = ", ".join(key.sql for key in keys)
        return f"({columns}, tasks.id) {beyond} ({values}, %(after_id)s)"

    def limit(self) -> str:
        """Return the SQL of how many rows to read at most."""
        sort_alone = {"search", "tags", "time_zone"}
        if self.sort == "due_date":
            sort_alone |= DUE_CONDITIONS
        if self.walks_priorities:
            sort_alone |= {"priorities"}
        return HIDDEN_LIMIT if sort_alone.issuperset(self.conditions) else LIMIT


@lru_cache(maxsize=100)
def list_statement(shape: Shape) -> str:
    """Return the statement of a list.

    It has only the conditions that the list needs, because Postgres would evaluate the
    others for each row. All parts are constants: input chooses among them and is never
    a part of a statement.
    """
    direction, _ = ORDERS[shape.order]
    keys = [key.sql for key in SORTS[shape.sort]]
    names = [f"key_{number}" for number in range(len(keys))]
    common, ranges = shape.conditions_of_all(), shape.ranges()
    template = LIST.replace("{conditions}", joined(*ranges[0], *common))
    if shape.walks_tags:
        near = NEAR.replace("{range}", joined(*ranges[0]))
        near = near.replace("{conditions}", joined(*common))
        common = (*common, INDEXED_TAGS, "NOT {enough}")
        template = near + MERGED.replace("{ranges}", OF_NEAR + "{ranges}")
    elif len(ranges) > 1:
        template = MERGED
    merged = [f"{name} {direction}" for name in (*names, "id")]
    selected = [f"{sql} AS {name}" for sql, name in zip(keys, names, strict=True)]
    if shape.sort == "due_date":
        selected = [f"NULLIF({DUE}, 'infinity') AS key_0"]
        merged[0] += " NULLS LAST"
    parts = {
        "ranges": " UNION ALL".join(
            RANGE.replace("{conditions}", joined(*own, *common)) for own in ranges
        ),
        "columns": COLUMNS,
        "keys": ", ".join(selected),
        "order": ", ".join(f"{sql} {direction}" for sql in (*keys, "tasks.id")),
        "merged_order": ", ".join(merged),
        "enough": ENOUGH,
        "limit": shape.limit(),
    }
    for name, part in parts.items():
        template = template.replace(f"{{{name}}}", part)
    return template


def joined(*conditions: str) -> str:
    """Return conditions as they follow another one."""
    return "".join(f"\n       AND {condition}" for condition in conditions)

"""Count a user's tasks: what is pending, overdue and due today."""

from typing import Annotated, NamedTuple, cast

from typing_extensions import TypedDict

from taskapi.cold_start.framework import BaseModel
from taskapi.postgres.query import read
from taskapi.tasks import fields, planning
from taskapi.tasks.answer_tags import NOTHING, STATE, Known, State, find_known
from taskapi.tasks.changes import COUNTER
from taskapi.tasks.query_parameters import parsed
from taskapi.tasks.refusals import refusals

TimeZone = Annotated[
    str,
    parsed(
        planning.parse_query_time_zone, "Where today begins and ends.", "Europe/Berlin"
    ),
]


class SummaryQuery(BaseModel):
    """All that a query may hold; other parameters are ignored."""

    time_zone: TimeZone = "UTC"


RULES = {"time_zone": fields.RULES["time_zone"]}


class TagCount(TypedDict):
    """How many pending tasks have a tag."""

    tag: str
    count: int


class Summary(TypedDict):
    """How many tasks a user has; all but `completed` count pending ones."""

    pending: int
    completed: int
    overdue: int
    due_today: int
    priorities: dict[str, int]
    tags: list[TagCount]


class Summarized(NamedTuple):
    """A summary, and what its ETag says."""

    change: int
    """The number of the user's last change that the summary shows."""
    until: int
    """When it changes without a write, in microseconds since 1970."""
    summary: Summary | None
    """None if the caller has it already."""


SUMMARIZE = """
    WITH zone AS MATERIALIZED (
        SELECT known_time_zone(%(time_zone)s) AS name
    ), today AS MATERIALIZED (
        SELECT day, local_moment(day::timestamp, name) AS start,
               local_moment((day + 1)::timestamp, name) AS next_start
          FROM (SELECT (now() AT TIME ZONE name)::date AS day, name FROM zone) AS local
    ), pending AS MATERIALIZED (
        SELECT priority, tags, due_on, due_at
          FROM tasks
         WHERE user_id = %(user_id)s AND NOT completed
           AND (SELECT take_search_turn(%(user_id)s))
    ), counted AS MATERIALIZED (
        SELECT tag, count(*) AS number
          FROM pending, unnest(tags) AS tag
      GROUP BY tag
      ORDER BY number DESC, tag COLLATE "C"
         LIMIT %(most_tags)s
    )
    SELECT {counter},
           (extract(epoch FROM LEAST(
               (SELECT next_start FROM today),
               min(due_at) FILTER (WHERE due_at >= now()))) * 1000000)::bigint,
           count(*),
           (SELECT count(*) FROM tasks WHERE user_id = %(user_id)s AND completed),
           count(*) FILTER (WHERE due_at < now() OR due_on < (SELECT day FROM today)),
           count(*) FILTER (WHERE due_on = (SELECT day FROM today)
                               OR due_at >= (SELECT start FROM today)
                              AND due_at < (SELECT next_start FROM today)),
           (SELECT array_agg(tag) FROM counted),
           (SELECT array_agg(number) FROM counted),
           {priorities}
      FROM pending
""".replace("{counter}", COUNTER).replace(
    "{priorities}",
    ", ".join(
        "count(*) FILTER (WHERE priority = '{}')".replace("{}", priority)
        for priority in planning.PRIORITIES
    ),
)
"""A task that was due at an instant earlier today is both overdue and due today. As it
reads all tasks, a user has one summary at a time (list_statements.TURN)."""

MOST_TAGS = 20_000
"""The tags that a summary counts: those that most tasks have. A tag of 50 emoji takes
235 bytes of a response, so that 26,000 could be more than Lambda returns."""


def summarize(user_id: str, query: SummaryQuery, known: Known = NOTHING) -> Summarized:
    """Return the summary of the user's tasks.

    known: what the caller has already.
    """
    if known.answers:
        state = State(*read(STATE, {"user_id": user_id}, keep_plan=True)[0])
        if numbers := find_known(known, state, 2):
            change, until = numbers
            return Summarized(change, until, None)
    values = {
        "user_id": user_id,
        "time_zone": query.time_zone,
        "most_tags": MOST_TAGS,
    }
    with refusals():
        [row] = read(SUMMARIZE, values)
    change, until, pending, completed, overdue, due_today, tags, numbers = row[:8]
    summary = {
        "pending": pending,
        "completed": completed,
        "overdue": overdue,
        "due_today": due_today,
        "priorities": dict(zip(planning.PRIORITIES, row[8:], strict=True)),
        "tags": [
            {"tag": tag, "count": number}
            for tag, number in zip(tags or (), numbers or (), strict=True)
        ],
    }
    return Summarized(change, until, None if known.anything else cast(Summary, summary))

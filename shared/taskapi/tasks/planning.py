"""Read priority, tags, due dates and time zones in a request.

A ValueError without a text stands for the sentence of the field's rule.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from taskapi.strict_json import type_name

PRIORITIES = ("low", "medium", "high", "urgent")
"""From the lowest to the highest."""

UNWANTED = {
    ",": "commas, which separate tags in a query",
    r"[\ud800-\udfff]": "lone surrogates",
    r"[\x00-\x1f\x7f-\x9f]": "control characters",
}
"""What a tag can't contain: a pattern, and what it finds."""


def parse_priority(text: str) -> str:
    """Return the priority in lower case."""
    priority = text.lower()
    if priority not in PRIORITIES:
        raise ValueError
    return priority


def parse_tags(values: Sequence[object]) -> list[str]:
    """Return the tags without white space around them, and each only once."""
    tags = list(dict.fromkeys(map(parse_tag, values)))
    if len(tags) > 20:
        raise ValueError(f"At most 20 tags are allowed, not {len(tags)}")
    return tags


def parse_tag(value: object) -> str:
    """Return the tag without white space around it."""
    if not isinstance(value, str):
        # pydantic doesn't take a TypeError.
        raise ValueError(f"A tag must be text, not {type_name(value)}")
    tag = value.strip()
    for pattern, found in UNWANTED.items():
        if re.search(pattern, tag):
            raise ValueError(f"A tag must not contain {found}")
    if not 1 <= len(tag) <= 50:
        raise ValueError("A tag must be between 1 and 50 characters")
    return tag


DUE_DATE = (
    r"\d{4}-\d\d-\d\d"
    r"(?P<time>[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?(?P<offset>[Zz]|[+-]\d\d:[0-5]\d)?)?"
)
"""A full-date or date-time of RFC 3339, section 5.6; a time also without an offset, and
without seconds, as HTML's <input type="datetime-local"> sends it."""

NO_SUCH_TIME = "Due date must be a day and a time that exist"
OUT_OF_RANGE = "Due date must be in the years 1970 to 9999, also in UTC"
NEEDS_ZONE = (
    "Due date has a time without an offset: send an offset "
    "(2026-03-09T17:00:00+01:00), or a time_zone (Europe/Berlin) in which to read it"
)


def parse_due_date(text: str) -> str | None:
    """Return a day (2026-03-09), an instant in UTC (2026-03-09T16:00:00.000000Z) or a
    time without an offset (2026-03-09T17:00:00.000000); None for an empty text.

    Postgres turns the last one into an instant, because it has the time zones.
    """
    if not text:
        return None
    form = re.fullmatch(DUE_DATE, text, re.ASCII)
    if not form:
        raise ValueError
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(NO_SUCH_TIME) from error
    # Python 3.14 reads 24:00 as the next day.
    if text[11:13] == "24":
        raise ValueError(NO_SUCH_TIME)
    if moment.year < 1970:
        raise ValueError(OUT_OF_RANGE)
    if not form["time"]:
        return text
    if not form["offset"]:
        return moment.isoformat(timespec="microseconds")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(OUT_OF_RANGE) from error
    if utc.year < 1970:
        raise ValueError(OUT_OF_RANGE)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time_zone(text: str) -> str | None:
    """Return what may be the name of a time zone; None for an empty text."""
    if not text:
        return None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,99}", text, re.ASCII):
        raise ValueError
    return text


def parse_query_time_zone(text: str) -> str:
    """Return what may be the name of a time zone, in a query, which has no null."""
    if re.match(r"(Etc/)?GMT \d", text):
        raise ValueError(
            "Time zone has a space where its name has a plus: send + as %2B "
            "(Etc/GMT%2B5)"
        )
    zone = parse_time_zone(text)
    if zone is None:
        raise ValueError
    return zone

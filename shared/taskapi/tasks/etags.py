"""Entity tags of tasks, and the conditions that name them (RFC 9110, section 13)."""

import re

ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
LIST = rf"[ \t,]*{ENTITY_TAG}(?:[ \t]*,[ \t,]*{ENTITY_TAG})*[ \t,]*"


COLUMN = """format('"%%s-%%s"', id, version)"""
"""The SQL that selects a task's ETag."""


def etag(id: int, version: int) -> str:
    """Return the strong ETag of a task's version, as COLUMN selects it."""
    return f'"{id}-{version}"'


def versions(if_match: str | None, id: int) -> list[int] | None:
    """Return the versions of task id that If-Match accepts; None for any.

    A weak tag never matches, nor does anything that isn't a tag of this task.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    own = re.compile(rf'"{id}-([1-9][0-9]{{0,17}})"')
    matched = (own.fullmatch(tag) for tag in tags(if_match))
    return [int(match[1]) for match in matched if match]


CHANGED = (
    "The task has changed since you read it; read it again, then retry with its new "
    "ETag in If-Match"
)
NEVER = (
    (
        r"(^|[ ,])[Ww]/",
        "is weak (W/), which never matches; a proxy may have made it so",
    ),
    (
        r'"{id}-\d+[^\d"\\][^"]*"',
        "was rewritten on the way, as proxies do that compress, and never matches",
    ),
    (r"^(?=.*\d-\d)[\d ,-]*$", "lacks its double quotes, and never matches without"),
    (r'"(?!{id}-)\d+-\d+"', "is another task's, and never matches this one"),
    (f"^(?!{LIST}$)", "is no list of ETags in double quotes, and never matches"),
    ("", "is no ETag of a task, and never matches"),
)
"""Patterns, and what is wrong with a header that contains one; the first match counts.

When they compress, nginx and Cloudflare turn a tag into W/"14-1", Apache "14-1-gzip".
"""


def mismatch(if_match: str | None, id: int) -> str:
    """Return why If-Match doesn't name the task's version, and what to do."""
    header = if_match or ""
    if versions(if_match, id):
        return CHANGED + ("; its weak tags (W/) never match" if "W/" in header else "")
    problem = next(
        problem
        for pattern, problem in NEVER
        if re.search(pattern.replace("{id}", str(id)), header)
    )
    return f"If-Match {problem}; send the task's ETag exactly as this API gives it"


def matches(if_none_match: str | None, tag: str) -> bool:
    """Return whether If-None-Match names tag, weak tags included."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in (
        listed.removeprefix("W/") for listed in tags(if_none_match)
    )


def tags(header: str) -> list[str]:
    """Return the tags that a header lists; none if the header is malformed.

    To take a tag out of a malformed header would be a guess, and a wrong guess would
    overwrite somebody's work.
    """
    return re.findall(ENTITY_TAG, header) if re.fullmatch(LIST, header) else []

"""Entity tags of tasks, and the conditions that name them (RFC 9110, section 13)."""

import re

ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def etag(id: int, version: int) -> str:
    """Return the strong tag of a task's version: the row alone decides it."""
    return f'"{id}-{version}"'


def versions(if_match: str | None, id: int) -> list[int] | None:
    """Return the versions of task id that If-Match accepts; None for any.

    A weak tag never matches, nor does what isn't a tag of this task.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    own = re.compile(rf'"{id}-([1-9][0-9]{{0,17}})"')
    return [
        int(match[1])
        for weak, tag in ENTITY_TAG.findall(if_match)
        if not weak and (match := own.fullmatch(tag))
    ]


def matches(if_none_match: str | None, tag: str) -> bool:
    """Return whether If-None-Match names tag, weak tags included."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or any(
        named == tag for _, named in ENTITY_TAG.findall(if_none_match)
    )

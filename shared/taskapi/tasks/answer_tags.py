"""ETags of lists and of the summary: the user's last change, and what was asked for.

If If-None-Match has a tag of this query, a request first reads the counter
(tasks/changes.py). If it is one of those that the caller has, nothing that a statement
could read has changed, and the answer is a 304. Otherwise a second statement reads the
answer, and the counter with it, from one snapshot: an answer never has the number of a
change that it doesn't show. `*` has no number: the answer is read, and not sent.

Planning a list takes longer than reading the counter. So a poll that ends with a 304 is
cheaper than get_task, and one that ends with a list costs one round trip more.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from taskapi.tasks import etags
from taskapi.tasks.changes import COUNTER
from taskapi.tasks.fields import NAMES

STATE = """
    SELECT {counter}, (extract(epoch FROM now()) * 1000000)::bigint
""".replace("{counter}", COUNTER)

NUMBERS = r"[0-9]{1,18}(?:\.[0-9]{1,18})*"


@dataclass(frozen=True)
class State:
    """What STATE selects: the number of the user's last change, 0 if there is none, and
    the time, in microseconds since 1970."""

    change: int
    now: int


@dataclass(frozen=True)
class Known:
    """What If-None-Match says that the caller has: the numbers in each tag."""

    answers: Collection[Sequence[int]] = ()
    anything: bool = False
    """Whether it is `*`: any answer, if the query has one."""


NOTHING = Known()


def find_known(known: Known, state: State, count: int) -> Sequence[int] | None:
    """Return the numbers of an answer that the caller has and that is as it was.

    count: of the numbers in this kind of answer's tags: the change and, if the answer
    also changes without a write, when it does.
    """
    for numbers in known.answers:
        change, *ends = numbers
        is_valid = change == state.change and all(state.now < end for end in ends)
        if is_valid and len(numbers) == count:
            return numbers
    return None


def hash_of(query: bytes) -> str:
    """Return a hash of what was asked for.

    It also covers the names of a task's fields: a release with other fields has other
    answers to the same query.
    """
    asked = b"\0".join([query, *map(str.encode, NAMES)])
    return hashlib.blake2b(asked, digest_size=8).hexdigest()


def answer_tag(numbers: Sequence[int], query: bytes) -> str:
    """Return the ETag of the answer to a query."""
    return f'"{".".join(map(str, numbers))}-{hash_of(query)}"'


def parse_known(if_none_match: str | None, query: bytes) -> Known:
    """Return which answers to this query the caller has; a weak tag will do."""
    if if_none_match is None:
        return NOTHING
    if if_none_match.strip() == "*":
        return Known(anything=True)
    own = re.compile(rf'(?:W/)?"({NUMBERS})-{hash_of(query)}"')
    found = (own.fullmatch(tag) for tag in etags.tags(if_none_match))
    return Known([[int(n) for n in tag[1].split(".")] for tag in found if tag])

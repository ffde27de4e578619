"""JSON as RFC 8259 has it, in UTF-8: Python's reader takes more than that."""

import json
from collections.abc import Callable
from typing import NoReturn


def loads(
    data: bytes, pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None
) -> object:
    """Return the JSON in data; raise ValueError where there is none.

    pairs_hook: makes each object of its members, instead of a dict.
    """
    try:
        return json.loads(
            data.decode(), object_pairs_hook=pairs_hook, parse_constant=refuse_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and RFC 8259 doesn't have."""
    raise ValueError(name)

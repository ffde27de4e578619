"""Parse JSON exactly as RFC 8259 defines it, in UTF-8; Python's json accepts more."""

from json import JSONDecoder
from typing import NoReturn

LONGEST_INTEGER = 640
"""Digits: the lowest limit for int() that Python accepts (sys.int_info)."""


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and RFC 8259 doesn't have."""
    raise ValueError(f"{name} is not in JSON")


def refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return pairs as a dict; raise ValueError if a name occurs twice.

    Two parsers could take different values.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice")
    return members


def parse_number(digits: str) -> int | float:
    """Return an integer; a longer one than LONGEST_INTEGER becomes an infinite float.

    A parser may limit the range of numbers (RFC 8259, section 6).
    """
    return int(digits) if len(digits) < LONGEST_INTEGER else float(digits)


STRICT = JSONDecoder(parse_constant=refuse_constant, parse_int=parse_number)
WITHOUT_DUPLICATES = JSONDecoder(
    parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates
)
"""Also refuses an object in which a name occurs twice."""


def loads(data: bytes, decoder: JSONDecoder = STRICT) -> object:
    """Return the JSON in data; raise ValueError if it isn't valid."""
    try:
        value: object = decoder.decode(data.decode())
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def type_name(value: object) -> str:
    """Return what JSON calls the type of value."""
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "no JSON")

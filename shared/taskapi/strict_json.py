"""JSON as RFC 8259 has it, in UTF-8: Python's reader takes more than that."""

from json import JSONDecoder
from typing import NoReturn


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and RFC 8259 doesn't have."""
    raise ValueError(f"{name} is not in JSON")


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return pairs as a dict; of two with one name, two readers may take either."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice")
    return members


def number(digits: str) -> int | float:
    """Return an integer, as a float where Python takes no more digits (sys.int_info).

    A reader may limit the range of numbers (RFC 8259, section 6); it is infinite then.
    """
    return int(digits) if len(digits) < LONGEST_INTEGER else float(digits)


LONGEST_INTEGER = 640
"""Digits, the fewest that Python's own limit can be set to."""

STRICT = JSONDecoder(parse_constant=refuse_constant, parse_int=number)
UNAMBIGUOUS = JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=unique)
"""The same, and no name stands twice in an object."""


def loads(data: bytes, decoder: JSONDecoder = STRICT) -> object:
    """Return the JSON in data; raise ValueError where there is none."""
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

"""How the parameters of queries are read, and those that several operations take."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from taskapi.cold_start.framework import core_schema
from taskapi.tasks.fields import Rule


class Parameter:
    """How to read a parameter from its text, and its JSON Schema.

    pydantic calls the function and doesn't look at the type, for which it would build
    validators in each cold start.
    """

    def __init__(
        self, parse: Callable[[str], object], schema: Mapping[str, object]
    ) -> None:
        self.parse, self.schema = parse, schema

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, core: object, handler: object
    ) -> dict[str, object]:
        return {**self.schema}


def one_of(values: Collection[str], description: str, *examples: str) -> Parameter:
    """Return a parameter that has one of these values."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError
        return text

    schema = {"type": "string", "enum": list(values), "description": description}
    return Parameter(parse, schema | ({"examples": list(examples)} if examples else {}))


def parsed(parse: Callable[[str], object], description: str, example: str) -> Parameter:
    """Return a parameter that a function parses."""
    schema = {"type": "string", "description": description, "examples": [example]}
    return Parameter(parse, schema)


def parse_limit(text: str) -> int:
    """Return the number; Python also reads "+5", "1_0" and " 5"."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= 200:
        raise ValueError
    return int(text)


Limit = Annotated[
    int,
    Parameter(
        parse_limit,
        {
            "type": "integer",
            "minimum": 1,
            "maximum": 200,
            "description": "Tasks in a page.",
        },
    ),
]
Cursor = Annotated[
    str,
    Parameter(str, {"type": "string", "description": "What a `Link` header gave."}),
]

LIMIT = Rule(
    "Limit must be a whole number from 1 to 200, in decimal digits",
    "minimum=1, maximum=200",
)

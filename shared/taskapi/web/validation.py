"""Validate a query, and turn pydantic's errors into the contract's error."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from taskapi.cold_start.framework import BaseModel, Request, ValidationError
from taskapi.errors import Problem, ValidationFailed
from taskapi.strict_json import type_name
from taskapi.tasks import fields
from taskapi.tasks.fields import Rule

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Query = TypeVar("Query", bound=BaseModel)

RULES = fields.RULES | {"idempotency-key": fields.KEY_RULE}
"""What to say about an invalid field of a body or an invalid header."""

BODY = Rule("The body must be a JSON object", "object")

CHARACTERS = {
    "string_pattern_mismatch": ("must not contain control characters", "no controls"),
    "string_unicode": ("must not contain lone surrogates", "no surrogates"),
}
"""What to say about a text's characters, by pydantic's type of error."""


def parse_query(
    request: Request,
    model: type[Query],
    rules: Mapping[str, Rule],
    lists: Collection[str] = (),
) -> Query:
    """Return the query as an instance of the model; raise ValidationFailed.

    A model as a parameter of the operation would do the same. But FastAPI looks at the
    type of each of its fields in each request, which took a fifth of a list request.

    rules: what to say about an invalid field, by its name. lists: see query_values().
    """
    try:
        return model.model_validate(query_values(request, model, lists))
    except ValidationError as error:
        raise validation_failed(error.errors(), rules) from error


def query_values(
    request: Request, model: type[BaseModel], lists: Collection[str] = ()
) -> dict[str, str]:
    """Return the values of the model's parameters.

    lists: parameters that are lists with commas. Clients may also repeat the name for
    each value. Of another parameter that is sent twice, the last counts.
    """
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in model.model_fields:
            is_continued = name in lists and name in values
            values[name] = f"{values[name]},{value}" if is_continued else value
    return values


def validation_failed(
    errors: Sequence["ErrorDetails"], rules: Mapping[str, Rule] = RULES
) -> ValidationFailed:
    """Return the error that describes the first invalid field, and lists all.

    rules: what to say about an invalid field, by its name.
    """
    return combine(
        [to_problem(field_in(error["loc"], rules), error, rules) for error in errors]
    )


def combine(problems: Sequence[Problem]) -> ValidationFailed:
    """Return the error that describes the first problem, and lists all."""
    message = problems[0]["message"]
    details: Problem = {
        "field": problems[0]["field"],
        "constraint": problems[0]["constraint"],
    }
    if len(problems) > 1:
        details["errors"] = [*problems]
    return ValidationFailed(message, details)


def field_in(location: Sequence[int | str], rules: Mapping[str, Rule]) -> str:
    """Return the innermost field that has a rule, in the location of an error."""
    for part in reversed(location):
        if part in rules:
            return str(part)
    return "body"


def to_problem(field: str, error: "ErrorDetails", rules: Mapping[str, Rule]) -> Problem:
    """Return what to say about a field with this error."""
    rule = rules.get(field, BODY)
    message, constraint = rule.message, rule.constraint
    kind = error["type"]
    reason = str(error.get("ctx", {}).get("error", ""))
    if reason:
        message = reason
    elif rule.is_text and kind in CHARACTERS:
        sentence, constraint = CHARACTERS[kind]
        message = f"{field.capitalize().replace('_', ' ')} {sentence}"
    elif kind.endswith("_type") and field in rules:
        message = f"{rule.type_message or message}, not {type_name(error.get('input'))}"
    return {"field": field, "constraint": constraint, "message": message}

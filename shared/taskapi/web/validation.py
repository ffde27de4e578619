"""What FastAPI found invalid, as the contract's error: one sentence a field."""

from collections.abc import Sequence

from taskapi.cold_start.framework import RequestValidationError
from taskapi.errors import Problem, ValidationFailed
from taskapi.web.event import type_name

RULES = {
    "body": ("The body must be a JSON object", "object"),
    "title": (
        "Title is required and must be between 1 and 200 characters",
        "min_length=1, max_length=200",
    ),
    "description": (
        "Description must be null or text of at most 5000 characters",
        "max_length=5000",
    ),
    "completed": ("Completed must be a JSON boolean, true or false", "boolean"),
    "status": ("Status must be all, pending or completed", "all, pending, completed"),
    "search": (
        "Search must be between 1 and 200 characters",
        "min_length=1, max_length=200",
    ),
    "sort": ("Sort must be created, updated or title", "created, updated, title"),
    "order": ("Order must be asc or desc", "asc, desc"),
    "limit": (
        "Limit must be a whole number from 1 to 200, in decimal digits",
        "minimum=1, maximum=200",
    ),
    "idempotency-key": (
        "Idempotency-Key must be between 1 and 255 printable ASCII characters",
        "min_length=1, max_length=255, printable ASCII",
    ),
}
"""Field: the sentence that says its whole rule, and the rule in short."""

CHARACTERS = {
    "string_pattern_mismatch": ("must not contain control characters", "no controls"),
    "string_unicode": ("must not contain lone surrogates", "no surrogates"),
}
"""Errors about a text's characters, by pydantic's type of error."""

TYPES = {
    "title": "Title must be text of 1 to 200 characters",
    "description": RULES["description"][0],
    "completed": RULES["completed"][0],
}
"""What a field of a body is to be, for one that has another type."""


def invalid(error: RequestValidationError) -> ValidationFailed:
    """Return the error that describes the first invalid field, and lists all."""
    problems = [
        problem(field_of(found["loc"]), found["type"], found.get("input"))
        for found in error.errors()
    ]
    message = problems[0]["message"]
    details: Problem = {
        "field": problems[0]["field"],
        "constraint": problems[0]["constraint"],
    }
    if len(problems) > 1:
        details["errors"] = problems
    return ValidationFailed(message, details)


def field_of(place: Sequence[object]) -> str:
    """Return the innermost field in pydantic's place of an error that has a rule."""
    for part in reversed(place):
        if part in RULES:
            return str(part)
    return "body"


def problem(field: str, kind: str, value: object) -> Problem:
    """Return what is to be said of a value that failed a check of this kind."""
    message, constraint = RULES[field]
    if kind in CHARACTERS and field in ("title", "description", "search"):
        sentence, constraint = CHARACTERS[kind]
        message = f"{field.capitalize()} {sentence}"
    elif kind.endswith("_type") and field in TYPES:
        message = f"{TYPES[field]}, not {type_name(value)}"
    return {"field": field, "constraint": constraint, "message": message}

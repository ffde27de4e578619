"""What FastAPI found invalid, as the contract's error: one sentence a field."""

from taskapi.errors import Problem, ValidationFailed
from taskapi.framework import RequestValidationError

RULES = {
    "title": (
        "Title is required and must be between 1 and 200 characters",
        "min_length=1, max_length=200",
    ),
    "description": (
        "Description must be null or text of at most 5000 characters",
        "max_length=5000",
    ),
    "completed": ("Completed must be true or false", "boolean"),
    "status": ("Status must be all, pending or completed", "all, pending, completed"),
    "search": (
        "Search must be between 1 and 200 characters",
        "min_length=1, max_length=200",
    ),
    "sort": ("Sort must be created, updated or title", "created, updated, title"),
    "order": ("Order must be asc or desc", "asc, desc"),
    "limit": ("Limit must be a whole number from 1 to 200", "minimum=1, maximum=200"),
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


def invalid(error: RequestValidationError) -> ValidationFailed:
    """Return the error that describes the first invalid field, and lists all."""
    problems = [
        problem(str(found["loc"][-1]), found["type"]) for found in error.errors()
    ]
    message = problems[0]["message"]
    details: Problem = {
        "field": problems[0]["field"],
        "constraint": problems[0]["constraint"],
    }
    if len(problems) > 1:
        details["errors"] = problems
    return ValidationFailed(message, details)


def problem(field: str, kind: str) -> Problem:
    """Return what is to be said of one field that failed a check of this kind."""
    message, constraint = RULES[field]
    if kind in CHARACTERS and field in ("title", "description", "search"):
        sentence, constraint = CHARACTERS[kind]
        message = f"{field.capitalize()} {sentence}"
    return {"field": field, "constraint": constraint, "message": message}

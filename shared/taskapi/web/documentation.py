"""What an operation says about itself in openapi.json, in FastAPI's form.

Plain dicts, so that an import costs next to nothing; openapi/ adds what all operations
have in common, and the schemas and examples that these refer to.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from taskapi.errors import ApiError, BadRequest, ValidationFailed

if TYPE_CHECKING:
    from taskapi.tasks.fields import Rule

Schema = Mapping[str, object]
Responses = dict[int | str, dict[str, Any]]
"""By status: the type of FastAPI's `responses`."""


def ref(name: str) -> Schema:
    """Return a reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(
    status: int,
    description: str,
    schema: Schema | None = None,
    *headers: str,
    examples: Mapping[str, object] | None = None,
) -> Responses:
    """Return a response with these headers; without a schema, it has no body.

    examples: of the body, by name; openapi/ adds those of a Task.
    """
    described: dict[str, object] = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    if schema:
        content = {"schema": schema, "examples": named(examples or {})}
        described["content"] = {"application/json": content}
    return {status: described}


def errors(
    *kinds: type[ApiError],
    invalid_body: str = "",
    invalid_query: "tuple[str, Rule] | None" = None,
) -> Responses:
    """Return the responses for these errors.

    invalid_body: adds the errors of a body, with an example about this field of a task.

    invalid_query: adds ValidationFailed, with an example about this parameter.
    """
    invalid = invalid_query
    if invalid_body:
        # Imported here because Health needs no fields.
        from taskapi.tasks.fields import RULES

        kinds = (BadRequest, *kinds)
        invalid = (invalid_body, RULES[invalid_body])
    if invalid:
        kinds = (ValidationFailed, *kinds)
    by_status: dict[int, list[type[ApiError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    responses: Responses = {}
    for status, found in by_status.items():
        text = " ".join((kind.__doc__ or "").partition("\n")[0] for kind in found)
        schemas = [ref(kind.__name__) for kind in found]
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        given = invalid if ValidationFailed in found else None
        example = invalid_example(*given) if given else {}
        responses |= response(status, text, schema, examples=example)
    return responses


def invalid_example(field: str, rule: "Rule") -> dict[str, object]:
    """Return an example of a ValidationFailed about this field, by name."""
    details = {"field": field, "constraint": rule.constraint}
    code = ValidationFailed.code
    return {code: {"error": code, "message": rule.message, "details": details}}


def examples(bodies: Mapping[str, object]) -> dict[str, object]:
    """Return examples of the request's body, by name, as `openapi_extra` takes them."""
    content = {"application/json": {"examples": named(bodies)}}
    return {"requestBody": {"content": content}}


def named(values: Mapping[str, object]) -> dict[str, object]:
    """Return examples in OpenAPI's form."""
    return {name: {"value": value} for name, value in values.items()}

"""An operation's parameters and the body of its request."""

from typing import get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel

from openapi.schemas import Json, without_null, without_titles


def complete_parameter(declared: Json) -> Json:
    """Return a parameter with its description and example moved out of its schema."""
    parameter = dict(declared)
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()
    schema = without_titles(without_null(parameter["schema"]))
    if description := schema.pop("description", None):
        parameter["description"] = description
    if examples := schema.pop("examples", None):
        parameter["example"] = examples[0]
    return parameter | {"schema": schema}


def query_parameters(route: APIRoute) -> list[Json]:
    """Return the parameters that the endpoint reads from the query by a model.

    FastAPI doesn't know them, because the model only annotates the request.
    """
    hints = get_type_hints(route.endpoint, include_extras=True).values()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in described.get("required", ()),
            "schema": schema,
        }
        for hint in hints
        for model in getattr(hint, "__metadata__", ())
        if isinstance(model, type) and issubclass(model, BaseModel)
        for described in (model.model_json_schema(),)
        for name, schema in described["properties"].items()
    ]


def complete_body(declared: Json, route: APIRoute) -> Json:
    """Return a request's body; an optional one may be absent, but not null."""
    content = declared["content"]["application/json"]
    schema = without_titles(without_null(content["schema"]))
    # From the route, as declared: FastAPI drops a null in an example.
    given: Json = (route.openapi_extra or {}).get("requestBody", {})
    content |= given.get("content", {}).get("application/json", {})
    return declared | {"content": {"application/json": content | {"schema": schema}}}

"""openapi.json is valid, complete, and holds: no answer is outside of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api import token
from tests.e2e.conftest import serving

ROOT = Path(__file__).parents[2]

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}

schema = schemathesis.openapi.from_dict(DOCUMENT)


def test_is_valid_openapi() -> None:
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]

    described = [*operation.get("parameters", []), *operation["responses"].values()]
    assert operation["summary"]
    assert operation["tags"]
    assert all(each["description"] for each in described)
    for content in bodies(operation):
        assert "examples" in content or "GatewayMessage" in str(content["schema"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_is_valid(name: str) -> None:
    for content in bodies(OPERATIONS[name]):
        whole = {**content["schema"], "components": DOCUMENT["components"]}
        for example in content.get("examples", {}).values():
            Draft202012Validator(whole).validate(example["value"])


def bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the media types of a request and of all its answers."""
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [kind for holder in holders for kind in holder.get("content", {}).values()]


@pytest.fixture(scope="module")
def base_url(database: str) -> Iterator[str]:
    with serving(ROOT) as client:
        yield f"http://127.0.0.1:{client.port}"


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_document(
    case: schemathesis.Case[Any], base_url: str
) -> None:
    if "user_id" in case.path_parameters:
        case.path_parameters["user_id"] = "schemathesis"
    headers = {"authorization": f"Bearer {token('schemathesis')}"}

    response = case.call(base_url=base_url, headers=headers)

    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )
    # It also tries what happens without the token.
    if response.request.headers.get("authorization") == headers["authorization"]:
        assert response.status_code != 401

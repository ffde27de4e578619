"""openapi.json is valid and complete, and every response is one that it describes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskapi.errors import ApiError
from tests.support.gateway import serving
from tests.support.project import ROOT

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}


def conforms_to(schema: dict[str, Any]) -> Any:
    """Return a validator of the schema, which may refer to the document's own."""
    # jsonschema takes two seconds to import: not in every worker.
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_is_valid_openapi() -> None:
    # It imports jsonschema too.
    from openapi_spec_validator import OpenAPIV31SpecValidator, validate

    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]

    described = [*operation.get("parameters", []), *operation["responses"].values()]
    assert operation["summary"]
    assert operation["description"]
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(each["description"] for each in described)
    for content in bodies(operation):
        assert "examples" in content or "GatewayMessage" in str(content["schema"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_is_valid(name: str) -> None:
    for content in bodies(OPERATIONS[name]):
        for example in content.get("examples", {}).values():
            conforms_to(content["schema"]).validate(example["value"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_of_a_422_is_about_what_the_operation_takes(name: str) -> None:
    operation = OPERATIONS[name]
    taken = {each["name"] for each in operation.get("parameters", [])}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        taken |= resolved(content["schema"])["properties"].keys()

    content = operation["responses"].get("422", {}).get("content", {})
    for example in content.get("application/json", {}).get("examples", {}).values():
        field = example["value"].get("details", {"field": "title"})["field"]
        # A batch says which operation it is, such as operations[3].task.title.
        assert field.partition("[")[0] in taken


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name]
    return found


def test_every_operation_says_whether_it_needs_a_token() -> None:
    needed = {name: OPERATIONS[name]["security"] for name in OPERATIONS}

    assert needed.pop("health") == needed.pop("health_head") == []
    assert all(security == [{"bearer": []}] for security in needed.values())


def test_one_schema_is_the_union_of_all_errors() -> None:
    validator = conforms_to({"$ref": "#/components/schemas/Error"})
    [*own, gateway] = DOCUMENT["components"]["schemas"]["Error"]["anyOf"]

    assert len(own) == len(ApiError.__subclasses__())
    assert gateway == {"$ref": "#/components/schemas/GatewayMessage"}
    validator.validate({"message": "Not Found"})
    validator.validate({"error": "not_found", "message": "Task not found"})
    assert not validator.is_valid({"error": "unheard of", "message": "x"})


def test_headers_are_spelled_as_in_the_documentation() -> None:
    names = {
        parameter["name"]
        for operation in OPERATIONS.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }

    assert names == {"Idempotency-Key", "If-Match", "If-None-Match"}


def bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the media types of a request and of all its answers."""
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [kind for holder in holders for kind in holder.get("content", {}).values()]


def test_every_answer_is_in_the_document(database: str) -> None:
    """Schemathesis runs in a process of its own.

    It makes its requests when its tests are collected, which takes seconds, and each
    worker of pytest collects all tests.
    """
    module = Path(__file__).with_name("answers.py")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
    with serving(ROOT) as client:
        ran = subprocess.run(
            [*command, "-p", "schemathesis.pytest.plugin", "-q", module],
            cwd=ROOT,
            env=os.environ | {"BASE_URL": f"http://127.0.0.1:{client.port}"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(OPERATIONS)} passed" in ran.stdout

"""Requests made up from openapi.json: the local gateway gives no answer outside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
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

schema = schemathesis.openapi.from_dict(json.loads((ROOT / "openapi.json").read_text()))


@pytest.fixture(scope="module")
def base_url(database: str) -> Iterator[str]:
    with serving(ROOT) as client:
        yield f"http://127.0.0.1:{client.port}"


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
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

"""Requests that Schemathesis makes of openapi.json, to an API at BASE_URL.

test_openapi.py runs it.
"""

import json
import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.direct import token
from tests.support.project import ROOT

schema = schemathesis.openapi.from_dict(json.loads((ROOT / "openapi.json").read_text()))


@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_document(case: schemathesis.Case[Any]) -> None:
    if "user_id" in case.path_parameters:
        case.path_parameters["user_id"] = "schemathesis"
    headers = {"authorization": f"Bearer {token('schemathesis')}"}

    response = case.call(base_url=os.environ["BASE_URL"], headers=headers)

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

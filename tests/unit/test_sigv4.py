"""Signature Version 4: AWS's test vectors, and botocore as a second opinion."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskapi.settings.sigv4 import Credentials, sign
from tests.support.secret_store import REGION, signature

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeM"
    "icRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZa"
    "mpKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr"
    "7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR"
    "/oLxBA=="
)
FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": "13",
    "X-Amz-Content-Sha256": "9095672bbd1f56dfc5b65f3e153adc87"
    "31a4a654192329106275f4c7b24d0b6e",
}
FORM_BODY = b"Param1=value1"

# The POSTs to / in AWS's suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4):
# the headers besides Host and X-Amz-Date, the body, the session's token, the signature.
Vector = tuple[Mapping[str, str], bytes, str | None, str]
VECTORS: dict[str, Vector] = {
    "post-vanilla": (
        {},
        b"",
        None,
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-header-key-sort": (
        {"My-Header1": "value1"},
        b"",
        None,
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-header-value-case": (
        {"My-Header1": "VALUE1"},
        b"",
        None,
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    "post-sts-header-before": (
        {},
        b"",
        TOKEN,
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
    "post-x-www-form-urlencoded": (
        FORM,
        FORM_BODY,
        None,
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
    "post-x-www-form-urlencoded-parameters": (
        {**FORM, "Content-Type": f"{FORM['Content-Type']}; charset=utf-8"},
        FORM_BODY,
        None,
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
    ),
}


@pytest.mark.parametrize(
    ("headers", "body", "token", "expected"), VECTORS.values(), ids=VECTORS
)
def test_signs_as_in_awss_test_suite(
    headers: Mapping[str, str], body: bytes, token: str | None, expected: str
) -> None:
    sent = sign(
        {"Host": "example.amazonaws.com", **headers},
        body,
        EXAMPLE._replace(token=token),
        region="us-east-1",
        service="service",
        now=1440938160,  # 2015-08-30T12:36:00Z
    )

    assert sent["X-Amz-Date"] == "20150830T123600Z"
    assert sent.get("X-Amz-Security-Token") == token
    assert sent["Authorization"].startswith(
        "AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
    )
    assert sent["Authorization"].endswith(f", Signature={expected}")


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
NAMES = st.sampled_from(["X-A", "x-a-b", "Content-Type", "x-amz-target", "A", "Zoo"])


@settings(max_examples=30, deadline=None)
@given(
    headers=st.dictionaries(NAMES, TEXT, max_size=4),
    body=st.binary(),
    secret_key=TEXT,
    token=st.none() | TEXT,
    now=st.integers(0, 4_000_000_000),
)
def test_signs_as_botocore_does(
    headers: dict[str, str], body: bytes, secret_key: str, token: str | None, now: int
) -> None:
    host = "secretsmanager.eu-central-1.amazonaws.com"

    sent = sign(
        {"Host": host, **headers},
        body,
        Credentials("key", secret_key, token),
        region=REGION,
        service="secretsmanager",
        now=now,
    )

    lowered = {name.lower(): value for name, value in sent.items()}
    expected = signature(host, lowered, body, secret_key, token)
    assert sent["Authorization"].endswith(f"Signature={expected}")


def test_credentials_do_not_show_the_secret_key_or_the_token() -> None:
    shown = repr(Credentials("AKID", "hush", "hush"))

    assert "AKID" in shown
    assert "hush" not in shown

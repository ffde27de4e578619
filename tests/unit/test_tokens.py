"""The token check: what it says in the log, and what it imports."""

import hmac
import json
import subprocess
import sys
import time

import pytest

from local.direct import ROUTES, SECRET, event
from taskapi.auth.claims import claim_errors, humanize
from taskapi.auth.pyjwt import hmac_sha256
from taskapi.auth.tokens import InvalidToken
from taskapi.auth.verify import verify
from taskapi.settings.better_auth import Expected
from tests.support.auth_settings import auth_settings, configured
from tests.support.jwks import Jwks
from tests.support.project import ROOT
from tests.support.tokens import ORIGIN, claims, key, secret

REASONS = {
    "it isn't a JWT: three base64url segments": "a.b",
    "its header isn't strict JSON": "YQ.YQ.YQ",
    "its header isn't a JSON object": "MQ.YQ.YQ",
    "a segment isn't base64url": "a.YQ.YQ",
    "its header has crit": secret.token(crit=["x"]),
    "its typ isn't JWT": secret.token(typ="at+jwt"),
    "its alg isn't HS256, and BETTER_AUTH_URL isn't set": key("EdDSA").token(),
    "the signature doesn't match the key": secret.token()[:-4] + "AAAA",
    "exp is missing": secret.token(claims(exp=...)),
    "exp isn't a time: a number of seconds since 1970": secret.token(claims(exp="1")),
    'wrong issuer: iss is "https://x", not "http://localhost:3000"': secret.token(
        claims(iss="https://x")
    ),
    'wrong audience: aud is missing, not "http://localhost:3000"': secret.token(
        claims(aud=...)
    ),
}


@pytest.mark.parametrize("reason", REASONS)
def test_says_which_check_failed(reason: str) -> None:
    given = {"BETTER_AUTH_ISSUER": ORIGIN, "BETTER_AUTH_AUDIENCE": ORIGIN}

    with (
        configured(BETTER_AUTH_SECRET=SECRET, **given),
        pytest.raises(InvalidToken) as error,
    ):
        verify(REASONS[reason])

    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("name", "seconds", "reason"),
    [
        ("exp", -200, "it expired 3 minutes ago (exp)"),
        ("nbf", 3600, "it isn't valid for another 59 minutes (nbf)"),
        ("iat", 3600, "it was issued 59 minutes in the future (iat)"),
    ],
)
def test_says_how_far_off_a_time_is(name: str, seconds: int, reason: str) -> None:
    token = secret.token(claims(**{name: time.time() + seconds}))

    with (
        configured(BETTER_AUTH_SECRET=SECRET),
        pytest.raises(InvalidToken) as error,
    ):
        verify(token)

    assert str(error.value) == reason


def test_tells_all_that_is_wrong_with_the_claims() -> None:
    errors = claim_errors({"iat": "now", "nbf": 10**9}, Expected("a", "b"), 0)

    assert list(errors) == [
        "iat isn't a time: a number of seconds since 1970",
        "exp is missing",
        "it isn't valid for another 11574 days (nbf)",
        "sub isn't text of 1 to 255 characters without control characters",
        'wrong issuer: iss is missing, not "a"',
        'wrong audience: aud is missing, not "b"',
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (11.9, "11 seconds"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (7200, "2 hours"),
        (86_400, "1 day"),
    ],
)
def test_says_times_as_people_do(seconds: float, words: str) -> None:
    assert humanize(seconds) == words


# What is imported

INIT_PHASE = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}

ANSWER_ONE_EVENT = """
import importlib, json, os, sys, types
module = importlib.import_module("functions.list_tasks.app")
os.environ.update(json.loads(sys.argv[1])["late"])
answer = module.handler(json.loads(sys.argv[1])["event"], types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="a",
    aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000))
print(json.dumps({"status": answer["statusCode"], "modules": sorted(sys.modules),
                  "none": [m for m, v in sys.modules.items() if v is None]}))
import cryptography
"""


def imported(
    authorization: str, when: str, given: dict[str, str]
) -> tuple[int, set[str]]:
    """Return the status, and the modules, of a new process that answers one event.

    when: "early" where the settings are there from the beginning, "late" where they
    come after the imports.
    """
    early, late = (given | INIT_PHASE, {}) if when == "early" else ({}, given)
    sent = event(
        "GET /api/{user_id}/tasks",
        path={"user_id": "bob"},
        headers={"authorization": authorization},
    )
    argument = json.dumps({"event": sent, "late": late})
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"}
    process = subprocess.run(
        [sys.executable, "-c", ANSWER_ONE_EVENT, argument],
        env={**path, **early},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["none"] == []
    return result["status"], set(result["modules"])


@pytest.mark.parametrize("when", ["early", "late"])
def test_hs256_uses_no_cryptography(when: str) -> None:
    # The path is another user's, so that no database is needed.
    status, modules = imported(
        f"Bearer {secret.token()}", when, {"BETTER_AUTH_SECRET": SECRET}
    )

    assert status == 401
    assert "taskapi.auth.pyjwt" in modules
    assert not {m for m in modules if m.split(".")[0] == "cryptography"}
    assert "taskapi.auth.jwks" not in modules


@pytest.mark.parametrize("when", ["early", "late"])
def test_the_jwks_uses_cryptography(when: str) -> None:
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        given = auth_settings("JWKS alone", server.url)

        status, modules = imported(f"Bearer {key('EdDSA').token()}", when, given)

    assert status == 401
    assert {"cryptography", "taskapi.auth.jwks"} <= modules
    assert server.fetches >= 1


@pytest.mark.parametrize("given", [{}, {"BETTER_AUTH_SECRET": "short"}])
def test_importing_needs_no_settings(given: dict[str, str]) -> None:
    status, _ = imported("Basic YTpi", "early", given)

    assert status == 401


def test_pyjwt_is_imported_before_the_first_request_where_settings_allow() -> None:
    script = (
        "import functions.list_tasks.app; "
        "from taskapi.auth.signatures import signatures_for; "
        "print(signatures_for.cache_info().currsize)"
    )
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"}

    outputs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**path, **given},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for given in (INIT_PHASE, INIT_PHASE | {"BETTER_AUTH_SECRET": SECRET})
    ]

    assert outputs == ["0\n", "1\n"]


SWITCH = """
import json, os, sys
from types import SimpleNamespace
import functions.list_tasks.app as app
context = SimpleNamespace(
    aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000)
told = []
for given, event in json.loads(sys.argv[1]):
    for name in ("BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"):
        os.environ[name] = given.get(name, "")
    told.append(app.handler(event, context)["statusCode"])
    told.append(None if "cryptography" in sys.modules else "without cryptography")
import jwt
told.append("EdDSA" in jwt.algorithms.get_default_algorithms())
print(json.dumps(told))
"""


def test_settings_change_in_a_warm_environment_from_hs256_to_the_jwks_and_back(
    database: str,
) -> None:
    kinds = ["HS256 alone", "both", "JWKS alone", "both", "HS256 alone"]
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk(), key("RS256").jwk()]
        steps = []
        for kind in kinds:
            for sender in (secret, key("EdDSA"), key("RS256")):
                headers = {"authorization": f"Bearer {sender.token()}"}
                sent = event(
                    ROUTES["list_tasks"], path={"user_id": "alice"}, headers=headers
                )
                steps.append((auth_settings(kind, server.url), sent))
        printed = run(SWITCH, json.dumps(steps), DATABASE_URL=database)
        told = json.loads(printed.splitlines()[-1])

    by_secret, by_keys = [200, 401, 401], [401, 200, 200]
    assert told[:-1:2] == by_secret + [200] * 3 + by_keys + [200] * 3 + by_secret
    assert told[1:6:2] == ["without cryptography"] * 3
    assert told[-1] is True
    assert server.fetches == 1


NEXT_PERSON = """
import sys
from taskapi.auth.pyjwt import hmac_sha256
before = set(sys.modules)
{imports_first}
hmac_sha256()
print(sorted(m for m in sys.modules if m.partition(".")[0] == "jwt")[:1])
import jwt, cryptography.fernet
from jwt import PyJWK, algorithms
print(algorithms.has_crypto, type(hmac_sha256()) is algorithms.HMACAlgorithm)
print(None in sys.modules.values())
"""


@pytest.mark.parametrize(
    ("imports_first", "seen"),
    [("", "[]"), ("import jwt", "['jwt']"), ("import cryptography", "[]")],
    ids=["nothing", "jwt", "cryptography"],
)
def test_hs256_leaves_pyjwt_as_it_is_for_everyone_else(
    imports_first: str, seen: str
) -> None:
    printed = run(NEXT_PERSON.format(imports_first=imports_first), "")

    assert printed.splitlines() == [seen, "True True", "False"]


def test_hs256_is_verified_by_pyjwt() -> None:
    algorithm = hmac_sha256()

    assert type(algorithm).__module__ == "jwt.algorithms"
    assert algorithm.verify(b"m", b"k", hmac.digest(b"k", b"m", "sha256"))
    assert not algorithm.verify(b"m", b"k", hmac.digest(b"K", b"m", "sha256"))


def run(script: str, argument: str, **given: str) -> str:
    """Return what a script prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, argument],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}", **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

"""Every attack on the token check is a 401, and every token as it should be is not."""

import io
import json
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.direct import ROUTES, Answer, event
from tests.support.api import Client, invoke
from tests.support.attacks import tables
from tests.support.attacks.keys import Build, published
from tests.support.attacks.tables import NOT_CONFIGURED
from tests.support.auth_settings import auth_settings, configured
from tests.support.jwks import Jwks
from tests.support.tokens import ALGORITHMS, ORIGIN, claims, key, secret


@pytest.fixture(scope="module")
def jwks() -> Iterator[Jwks]:
    """Return an issuer's JWKS, with keys that it shouldn't publish as well."""
    with Jwks().serving() as server:
        server.keys = published()
        yield server


@pytest.fixture(scope="module")
def both_configured(database: str, jwks: Jwks) -> Iterator[None]:
    with configured(**auth_settings("both", jwks.url)):
        yield


def sent(authorization: str, user_id: str = "alice") -> Answer:
    """Return what the list of a user's tasks answers to a header."""
    path, headers = {"user_id": user_id}, {"authorization": authorization}
    route = ROUTES["list_tasks"]
    return invoke("list_tasks", event(route, path=path, headers=headers))


def assert_refused(answer: Answer) -> None:
    assert answer.status == 401
    assert answer.text == (
        '{"error":"unauthorized","message":"Invalid or expired JWT token"}'
    )
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def rows(table: dict[str, Build]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("build", table.values(), ids=table)


@rows(tables.tokens())
def test_refuses_a_token(build: Build, both_configured: None, log: io.StringIO) -> None:
    token = build()

    answer = sent(f"Bearer {token}")

    assert_refused(answer)
    [line] = log.getvalue().splitlines()
    assert json.loads(line)["reason"]
    assert token not in line
    assert not any(part in line for part in token.split(".") if len(part) > 20)


@rows(tables.headers())
def test_refuses_a_header(build: Build, both_configured: None) -> None:
    assert_refused(sent(build()))


@pytest.fixture(scope="module")
def bound(database: str, jwks: Jwks) -> Iterator[None]:
    """Have an issuer and an audience configured for both kinds."""
    given = auth_settings("both", jwks.url)
    given |= {"BETTER_AUTH_ISSUER": ORIGIN, "BETTER_AUTH_AUDIENCE": ORIGIN}
    with configured(**given):
        yield


@rows(tables.bound())
def test_refuses_another_issuer_or_audience(build: Build, bound: None) -> None:
    assert_refused(sent(f"Bearer {build()}"))


@pytest.mark.parametrize(("kind", "build"), NOT_CONFIGURED.values(), ids=NOT_CONFIGURED)
def test_refuses_a_token_of_a_kind_that_is_not_configured(
    database: str, jwks: Jwks, kind: str, build: Build
) -> None:
    with configured(**auth_settings(kind, jwks.url)):
        assert_refused(sent(f"Bearer {build()}"))


NO_TOKEN = {
    "nothing": "",
    "blanks": "   ",
    "the scheme alone": "Bearer",
    "the scheme and blanks": "Bearer   ",
    "another scheme": "Basic YWxpY2U6c2VjcmV0",
    "the token alone": "a.b.c",
    "a colon": "Bearer: a.b.c",
    "a scheme that begins alike": "BearerX a.b.c",
}


@pytest.mark.parametrize("header", NO_TOKEN.values(), ids=NO_TOKEN)
def test_says_that_no_bearer_token_was_sent(header: str, both_configured: None) -> None:
    answer = sent(header)

    assert answer.status == 401
    assert answer.json == {"error": "unauthorized", "message": "Missing bearer token"}
    assert answer.headers["www-authenticate"] == "Bearer"


def test_refuses_two_headers_that_differ_in_case_alone(both_configured: None) -> None:
    token = f"Bearer {secret.token()}"
    headers = {"authorization": token, "Authorization": token}
    route = ROUTES["list_tasks"]

    answer = invoke(
        "list_tasks", event(route, path={"user_id": "alice"}, headers=headers)
    )

    assert_refused(answer)


SIGNERS = {"HS256": secret} | {name: key(name) for name in ALGORITHMS}
VALID_CLAIMS: dict[str, Callable[[float], dict[str, object]]] = {
    "as Better Auth says them": lambda now: {},
    "exp with a fraction": lambda now: {"exp": now + 0.5},
    "exp past, within the leeway": lambda now: {"exp": now - 5},
    "nbf past": lambda now: {"nbf": now - 60},
    "nbf ahead, within the leeway": lambda now: {"nbf": now + 5},
    "iat ahead, within the leeway": lambda now: {"iat": now + 5},
    "iat missing": lambda now: {"iat": ...},
    "aud in a list": lambda now: {"aud": ["https://other.example", ORIGIN]},
    "a whole object besides": lambda now: {"data": {"a": [{"b": 1}, {"b": 2}]}},
    "text beyond ASCII": lambda now: {"name": "Zoë 🎉"},
}
VALID_HEADERS: dict[str, dict[str, object]] = {
    "typ JWT": {"typ": "JWT"},
    "typ jwt": {"typ": "jwt"},
    "cty": {"cty": "JWT"},
    "a header unknown": {"x-unknown": {"a": 1}},
}


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("change", VALID_CLAIMS.values(), ids=VALID_CLAIMS)
def test_accepts_claims(
    user: Client,
    bound: None,
    name: str,
    change: Callable[[float], dict[str, object]],
) -> None:
    token = SIGNERS[name].token(claims(user.user_id, **change(time.time())))

    assert sent(f"Bearer {token}", user.user_id).status == 200


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("header", VALID_HEADERS.values(), ids=VALID_HEADERS)
def test_accepts_a_header(
    user: Client, bound: None, name: str, header: dict[str, object]
) -> None:
    token = SIGNERS[name].token(claims(user.user_id), **header)

    assert sent(f"Bearer {token}", user.user_id).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
def test_accepts_the_scheme(user: Client, both_configured: None, scheme: str) -> None:
    token = secret.token(claims(user.user_id))

    assert sent(f"{scheme} {token}", user.user_id).status == 200


SUBJECTS = {
    "one character": "a",
    "255 characters": "é" * 255,
    "255 beyond the BMP": "🎉" * 255,
    "of Auth0": "auth0|12345",
    "quotes": "'; DROP TABLE tasks; --",
    "blanks around": " a ",
    "right to left": "a\u202eb",
    "a no-break space": "a\u00a0b",
}


@pytest.mark.parametrize("user_id", SUBJECTS.values(), ids=SUBJECTS)
def test_accepts_a_subject(both_configured: None, user_id: str) -> None:
    token = key("EdDSA").token(claims(user_id, id=...))

    assert sent(f"Bearer {token}", user_id).status == 200


@pytest.mark.parametrize("kind", ["HS256 alone", "both"])
def test_ignores_issuer_and_audience_of_hs256_unless_configured(
    user: Client, jwks: Jwks, kind: str
) -> None:
    token = secret.token(claims(user.user_id, iss="https://x.example", aud=...))

    with configured(**auth_settings(kind, jwks.url)):
        assert sent(f"Bearer {token}", user.user_id).status == 200


@pytest.mark.parametrize("changes", [{"iss": "https://x"}, {"aud": "https://x"}])
def test_a_token_of_the_jwks_is_for_the_origin_of_better_auth(
    jwks: Jwks, both_configured: None, changes: dict[str, object]
) -> None:
    assert_refused(sent(f"Bearer {key('EdDSA').token(claims(**changes))}"))


def test_an_issuer_and_an_audience_of_their_own(user: Client, jwks: Jwks) -> None:
    token = key("EdDSA").token(claims(user.user_id, iss="me", aud=["you", "them"]))
    given = auth_settings("JWKS alone", jwks.url)
    given |= {"BETTER_AUTH_ISSUER": "me", "BETTER_AUTH_AUDIENCE": "you"}

    with configured(**given):
        assert sent(f"Bearer {token}", user.user_id).status == 200
        assert_refused(sent(f"Bearer {key('EdDSA').token()}"))


def test_a_token_of_8_kib_is_accepted(user: Client, both_configured: None) -> None:
    longest = max(
        (
            secret.token(claims(user.user_id, x="x" * length))
            for length in range(5500, 6200)
        ),
        key=lambda token: (len(token) <= 8192, len(token)),
    )

    assert 8190 <= len(longest) <= 8192
    assert sent(f"Bearer {longest}", user.user_id).status == 200


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(SIGNERS)))
def test_no_flipped_character_makes_another_identity(
    both_configured: None, data: st.DataObject, name: str
) -> None:
    token = SIGNERS[name].token()
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != token[place]))

    flipped = token[:place] + other + token[place + 1 :]

    # As whoever it says it is: a token without a signature check would be let in.
    assert sent(f"Bearer {flipped}").status == 401
    assert sent(f"Bearer {flipped}", "bob").status == 401


def test_the_table_is_of_some_size() -> None:
    attacks = [tables.tokens(), tables.headers(), tables.bound()]

    assert sum(len(table) for table in attacks) + len(NOT_CONFIGURED) >= 150

"""Who is calling: the route that asks for a token before anything else."""

import hashlib
import hmac
from functools import lru_cache
from typing import Annotated
from urllib.parse import unquote

from taskapi import settings
from taskapi.auth.tokens import InvalidToken, subject
from taskapi.cold_start.framework import BeforeValidator, Path, Request
from taskapi.errors import Unauthorized
from taskapi.log import logger
from taskapi.web.route import ContractRoute


def authenticate(authorization: str | None, user_id: str) -> str:
    """Return the caller, who is user_id; raise Unauthorized for anyone else.

    authorization: the header's value (RFC 6750, section 2.1).
    """
    try:
        caller = subject(bearer_token(authorization))
    except InvalidToken as error:
        logger.append_keys(reason=str(error))
        raise Unauthorized(
            "Invalid or expired JWT token", 'Bearer error="invalid_token"'
        ) from error
    if caller != user_id:
        logger.append_keys(reason="the path is another user's")
        raise Unauthorized(
            "User ID mismatch",
            'Bearer error="invalid_token"',
            # So that a client knows that another token of this user won't help.
            {"field": "user_id", "constraint": "the token's sub"},
        )
    logger.append_keys(user=pseudonym(caller))
    return caller


def pseudonym(user_id: str) -> str:
    """Return what logs call a user: enough to find a user's lines, not who it is.

    It is a keyed hash: somebody who has only the logs can't try ids, such as
    auth0|73412, until one fits. `make pseudonym` prints it for an operator.
    """
    secret = settings.better_auth().secret
    key = from_secret(secret) if secret else from_url(settings.database_url())
    return hmac.digest(key, user_id.encode(), "sha256").hex()[:16]


PURPOSE = b"tasks: what logs call a user"


@lru_cache(maxsize=1)
def from_secret(secret: bytes) -> bytes:
    """Return the logs' key where tokens are HS256.

    A log doesn't make the secret easier to guess: each user can test guesses already,
    against a token that is signed with it.
    """
    return hmac.digest(secret, PURPOSE, "sha256")


@lru_cache(maxsize=1)
def from_url(database_url: str) -> bytes:
    """Return the logs' key where there is no other secret than the database's.

    Somebody who has the logs and knows a user's id can test guesses of the password. So
    each guess takes some milliseconds and 4 MiB (RFC 7914), once in an environment.
    """
    password = database_url.encode(errors="surrogateescape")
    return hashlib.scrypt(password, salt=PURPOSE, n=4096, r=8, p=1)[:32]


def bearer_token(authorization: str | None) -> str:
    """Return the one token in the header.

    Raises Unauthorized where there is none, be it that the scheme is another one
    (RFC 6750, section 3.1). More than one, which API Gateway joins with a comma, is
    for subject() to refuse, as is anything else that isn't a JWT.
    """
    scheme, _, token = (authorization or "").strip(" ").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Missing bearer token", "Bearer")
    return token


class AuthenticatedRoute(ContractRoute):
    """A route below /api/{user_id}, for that user alone."""

    async def admit(self, request: Request) -> None:
        caller = authenticate(
            ",".join(request.headers.getlist("authorization")),
            unquote(request.path_params["user_id"]),
        )
        request.path_params["user_id"] = Authenticated(caller)


class Authenticated(str):
    """A user's id, as a token says it."""

    __slots__ = ()


def authenticated(user_id: str) -> str:
    """Return the caller, whom the route has authenticated; nobody else gets in."""
    if not isinstance(user_id, Authenticated):
        raise Unauthorized("Missing bearer token", "Bearer")
    return user_id


USER_ID = (
    "The token's `sub`, percent-encoded in a URL: `auth0|1` is `auth0%7C1`. "
    "openapi-fetch and Swagger UI encode it themselves: give them `auth0|1`. orval "
    "encodes it only with `urlEncodeParameters: true`. With `fetch`, use "
    "`encodeURIComponent`."
)

Caller = Annotated[
    str,
    BeforeValidator(authenticated),
    # The user that `make run` prints a token for: "Try it out" works as it is.
    Path(alias="user_id", description=USER_ID, examples=["demo"]),
]

"""Who is calling: the route that asks for a token before anything else."""

import hashlib
from typing import Annotated
from urllib.parse import unquote

from taskapi.errors import SettingsError, Unauthorized
from taskapi.framework import BeforeValidator, Path, Request
from taskapi.http import ContractRoute
from taskapi.log import logger
from taskapi.tokens import InvalidToken, subject

MAX_TOKEN_BYTES = 8 * 1024


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
    except SettingsError as error:
        logger.append_keys(reason=str(error))
        raise
    if caller != user_id:
        logger.append_keys(reason="the path is another user's")
        raise Unauthorized("User ID mismatch", 'Bearer error="invalid_token"')
    logger.append_keys(user=pseudonym(caller))
    return caller


def pseudonym(user_id: str) -> str:
    """Return what logs call a user: enough to find one's lines, not to name one.

    Better Auth's ids are random, so nobody finds them by trying.
    """
    return hashlib.sha256(user_id.encode()).hexdigest()[:16]


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
    if len(token.encode()) > MAX_TOKEN_BYTES:
        raise InvalidToken(f"it is over {MAX_TOKEN_BYTES} bytes")
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


Caller = Annotated[
    str,
    BeforeValidator(authenticated),
    Path(alias="user_id", description="The token's `sub`, percent-encoded."),
]

"""Who is calling: the route that asks for a token before anything else."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Request

from taskapi.errors import Unauthorized
from taskapi.http import ContractRoute, logger
from taskapi.tokens import InvalidToken, subject

MAX_HEADER_BYTES = 8 * 1024


def authenticate(authorization: str | None, user_id: str) -> str:
    """Return the caller, who is user_id; raise Unauthorized for anyone else.

    authorization: the header's value (RFC 6750, section 2.1).
    """
    if not authorization:
        raise Unauthorized("Missing bearer token", "Bearer")
    try:
        caller = subject(bearer_token(authorization))
    except InvalidToken as error:
        logger.append_keys(reason=str(error))
        raise Unauthorized(
            "Invalid or expired JWT token", 'Bearer error="invalid_token"'
        ) from error
    if caller != user_id:
        logger.append_keys(reason="the path is another user's")
        raise Unauthorized("User ID mismatch", 'Bearer error="invalid_token"')
    return caller


def bearer_token(authorization: str) -> str:
    """Return the one token in the header; raise InvalidToken for anything else."""
    if len(authorization) > MAX_HEADER_BYTES:
        raise InvalidToken(f"the header is over {MAX_HEADER_BYTES} bytes")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken("the scheme is not Bearer")
    token = token.strip()
    if not token or " " in token or "," in token:
        raise InvalidToken("the header doesn't hold exactly one token")
    return token


class AuthenticatedRoute(ContractRoute):
    """A route below /api/{user_id}, for that user alone."""

    async def admit(self, request: Request) -> None:
        request.state.caller = authenticate(
            request.headers.get("authorization"),
            unquote(request.path_params["user_id"]),
        )


async def caller_of(
    request: Request,
    user_id: Annotated[str, Path(description="The token's `sub`, percent-encoded.")],
) -> str:
    """Return the caller, whom the route has authenticated."""
    caller: str = request.state.caller
    return caller


Caller = Annotated[str, Depends(caller_of)]

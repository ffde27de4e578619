"""Check that a request has a valid token of the user in its path."""

from taskapi.auth.pseudonym import pseudonym
from taskapi.auth.tokens import InvalidToken
from taskapi.auth.verify import verify
from taskapi.errors import Unauthorized
from taskapi.log import logger


def authenticate(authorization: str | None, user_id: str) -> str:
    """Return the caller's id if it is user_id; raise Unauthorized for anyone else.

    authorization: the header's value (RFC 6750, section 2.1).
    """
    try:
        caller = verify(bearer_token(authorization))
    except InvalidToken as error:
        logger.append_keys(reason=str(error))
        raise Unauthorized(
            "Invalid or expired JWT token", 'Bearer error="invalid_token"'
        ) from error
    if caller != user_id:
        logger.append_keys(reason="the path belongs to another user")
        raise Unauthorized(
            "User ID mismatch",
            'Bearer error="invalid_token"',
            # Tells a client that another token of this user won't help.
            {"field": "user_id", "constraint": "the token's sub"},
        )
    logger.append_keys(user=pseudonym(caller))
    return caller


def bearer_token(authorization: str | None) -> str:
    """Return the token in the header.

    Raises Unauthorized if there is no token or another scheme (RFC 6750, section
    3.1). API Gateway joins two headers with a comma; verify() refuses the result, as it
    refuses anything that isn't a JWT.
    """
    scheme, _, token = (authorization or "").strip(" ").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Missing bearer token", "Bearer")
    return token

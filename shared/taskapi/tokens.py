"""The check of a JWT: whose it is, or why it isn't accepted."""

import jwt

from taskapi.settings import better_auth


class InvalidToken(Exception):
    """The token isn't accepted; the message says which check failed, for the log."""


def subject(token: str) -> str:
    """Return the `sub` of a valid token; raise InvalidToken for any other."""
    try:
        claims = jwt.decode(
            token,
            better_auth().secret,
            algorithms=["HS256"],
            leeway=10,
            options={"require": ["exp", "sub"], "verify_aud": False},
        )
    except jwt.PyJWTError as error:
        raise InvalidToken(type(error).__name__) from error
    return str(claims["sub"])

"""The route that checks the token before anything else, and the caller it finds."""

from typing import Annotated
from urllib.parse import unquote

from taskapi.auth.authenticate import authenticate
from taskapi.cold_start.framework import BeforeValidator, Path, Request
from taskapi.errors import Unauthorized
from taskapi.web.route import ContractRoute


class AuthenticatedRoute(ContractRoute):
    """A route below /api/{user_id}, only for that user."""

    async def admit(self, request: Request) -> None:
        caller = authenticate(
            ",".join(request.headers.getlist("authorization")),
            unquote(request.path_params["user_id"]),
        )
        request.path_params["user_id"] = Authenticated(caller)


class Authenticated(str):
    """A user's id from a valid token."""

    __slots__ = ()


def authenticated(user_id: str) -> str:
    """Return the id if the route has authenticated it, else raise Unauthorized."""
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

"""The contract's errors: a status, a code and a sentence each."""

from collections.abc import Mapping
from typing import ClassVar, NotRequired, TypedDict


class Problem(TypedDict):
    """One invalid field: its name, and what its value must be."""

    field: str
    constraint: str
    message: NotRequired[str]
    errors: NotRequired[list["Problem"]]


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it, never its value."""


class Outage(Exception):
    """AWS can't be reached for now; the message says why, and quotes no value."""


class ApiError(Exception):
    """A response that reports an error; the caller reads its message."""

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(
        self,
        message: str,
        details: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """retry_after: seconds (RFC 9110, section 10.2.3)."""
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this response besides the common ones."""
        return {"retry-after": str(self.retry_after)} if self.retry_after else {}


class BadRequest(ApiError):
    """The body can't be read as JSON."""

    status = 400
    code = "bad_request"


class Unauthorized(ApiError):
    """No valid token for this path.

    The challenge follows RFC 6750, section 3: it has an error code only if a token was
    sent.
    """

    status = 401
    code = "unauthorized"

    def __init__(
        self, message: str, challenge: str, details: Problem | None = None
    ) -> None:
        super().__init__(message, details)
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        return {"www-authenticate": self.challenge}


class NotFound(ApiError):
    """No such task, or someone else's: the caller can't tell which."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Task not found")


class Conflict(ApiError):
    """The same Idempotency-Key is in use right now."""

    status = 409
    code = "conflict"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key is in use by another request")


class TokenExpired(ApiError):
    """`since` is over 30 days old, or from another user or database."""

    status = 410
    code = "token_expired"

    def __init__(self) -> None:
        super().__init__(
            "This token is more than 30 days old, or from another user or database; "
            "start again without since"
        )


class PreconditionFailed(ApiError):
    """If-Match names another version than the task has, which is in `details.task`."""

    status = 412
    code = "precondition_failed"


class PayloadTooLarge(ApiError):
    """The body is over the limit."""

    status = 413
    code = "payload_too_large"


class ValidationFailed(ApiError):
    """JSON, a query or a header that isn't valid."""

    status = 422
    code = "validation_error"


class IdempotencyKeyReused(ApiError):
    """The Idempotency-Key was used before, with another body."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used before with another body; "
            "use a new key for a new task"
        )


class TooManyRequests(ApiError):
    """The user sends too much at once, or writes too much; nothing was written."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message, retry_after=retry_after)


class InternalError(ApiError):
    """A bug; nothing about its cause leaves the function."""

    status = 500
    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; please try again later")


class ServiceUnavailable(ApiError):
    """Something that the answer needs can't be reached; a retry may succeed."""

    status = 503
    code = "service_unavailable"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message, retry_after=retry_after)

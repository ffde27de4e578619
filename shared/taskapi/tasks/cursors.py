"""Cursors: where a page of a list ended, signed by this API.

The key is in the database, so that all execution environments have the same one and an
operator has no secret to make. An environment reads it together with its first list, in
the same statement. So the first list after a cold start runs before its cursor is
checked. That is harmless: the rows are the caller's own, whatever the cursor says, and
they are thrown away if the signature turns out to be wrong.
"""

import base64
import hmac
import json
from dataclasses import dataclass

from taskapi.errors import ValidationFailed
from taskapi.settings import environment

MAX_LENGTH = 2048
"""Characters; a title of 200 code points, escaped, encoded and signed, fits."""

MAC_BYTES = 16

Scope = tuple[str, ...]
"""The list that a cursor belongs to: user, sort and order."""


@dataclass(frozen=True)
class Position:
    """The last task of a page: the values it was sorted by, and its id."""

    values: tuple[str | None, ...]
    """None stands for no due date."""
    id: int


@dataclass(frozen=True)
class Cursor:
    """What a cursor says; until is_signed() has checked it, anybody may have written
    it."""

    position: Position
    mac: bytes


_key: tuple[str, bytes] | None = None


def known_key() -> bytes | None:
    """Return the key of the database at DATABASE_URL, or None before it is read."""
    return _key[1] if _key and _key[0] == environment.database_url() else None


def remember_key(key: bytes) -> None:
    """Keep the key for as long as DATABASE_URL stays the same."""
    global _key
    _key = environment.database_url(), key


def encode(position: Position, scope: Scope, key: bytes) -> str:
    """Return the cursor of a position in the list that scope names."""
    return to_text(Cursor(position, mac(position, scope, key)))


def to_text(cursor: Cursor) -> str:
    """Return a cursor as text for a query."""
    data = cursor.mac + payload(cursor.position)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str, count: int) -> Cursor:
    """Return what a cursor says; raise ValidationFailed if it can't be one.

    count: of the values in its position.

    Only encode()'s own spelling is accepted. A text with other spare bits in its last
    character, or with the JSON written differently, would decode to the same cursor.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", True)
        *values, id = json.loads(data[MAC_BYTES:])
        cursor = Cursor(Position(tuple(values), id), data[:MAC_BYTES])
        is_valid = (
            len(values) == count
            and all(value is None or type(value) is str for value in values)
            and type(id) is int
            and len(text) <= MAX_LENGTH
        )
        if is_valid and to_text(cursor) == text:
            return cursor
    except (ValueError, TypeError, RecursionError):
        pass
    raise invalid()


def invalid() -> ValidationFailed:
    """Return the error for a cursor that isn't from this list."""
    return ValidationFailed(
        "Cursor must be one that a Link header of this list gave, "
        "with the same sort and order",
        {"field": "cursor", "constraint": "from a Link header"},
    )


def is_signed(cursor: Cursor, scope: Scope, key: bytes) -> bool:
    """Return whether the cursor was made for scope."""
    return hmac.compare_digest(cursor.mac, mac(cursor.position, scope, key))


def mac(position: Position, scope: Scope, key: bytes) -> bytes:
    """Return the signature of position in scope."""
    message = json.dumps(scope).encode() + b"\0" + payload(position)
    return hmac.digest(key, message, "sha256")[:MAC_BYTES]


def payload(position: Position) -> bytes:
    """Return the part of a cursor that is signed together with its scope."""
    return json.dumps([*position.values, position.id], ensure_ascii=False).encode()

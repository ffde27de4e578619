"""Cursors: where a page of a list ended, signed by this API.

The key is in the database, so that all execution environments have the same one and an
operator has no secret to make. An environment reads it together with its first list, in
the same statement. So it may have to run a list before it can check the cursor that the
list begins after. That is harmless: the rows are the caller's own whatever the cursor
says, and they are thrown away where the signature turns out to be wrong.
"""

import base64
import hashlib
import hmac
import json
from typing import NamedTuple

from taskapi.errors import ValidationFailed
from taskapi.settings import environment

MAX_LENGTH = 2048
"""Characters; a title of 200 code points, escaped, encoded and signed, fits."""

MAC_BYTES = 16

Scope = tuple[str, ...]
"""The list that a cursor belongs to: user, sort and order."""


class Position(NamedTuple):
    """The last task of a page: the value it was sorted by, and its id."""

    key: str
    id: int


class Cursor(NamedTuple):
    """What a cursor says; anybody can have written it until is_signed() is true."""

    position: Position
    mac: bytes


_key: tuple[str, bytes] | None = None


def known_key() -> bytes | None:
    """Return the key of the database at DATABASE_URL, or None until it was read."""
    return _key[1] if _key and _key[0] == environment.database_url() else None


def remember_key(key: bytes) -> None:
    """Keep the key for as long as DATABASE_URL stays."""
    global _key
    _key = environment.database_url(), key


def encode(position: Position, scope: Scope, key: bytes) -> str:
    """Return the cursor of a position in the list that scope names."""
    return encoded(Cursor(position, mac(position, scope, key)))


def encoded(cursor: Cursor) -> str:
    data = cursor.mac + payload(cursor.position)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Return what a cursor says; raise ValidationFailed where it can't be one.

    Only the spelling that encode() gives is taken: spare bits of the last character, or
    another way to write the same JSON, would decode to the same position.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", True)
        key, id = json.loads(data[MAC_BYTES:])
        cursor = Cursor(Position(key, id), data[:MAC_BYTES])
        good = type(key) is str and type(id) is int and len(text) <= MAX_LENGTH
        if good and encoded(cursor) == text:
            return cursor
    except (ValueError, TypeError, RecursionError):
        pass
    raise invalid()


def invalid() -> ValidationFailed:
    """Return the error of a cursor that isn't this list's."""
    return ValidationFailed(
        "Cursor must be one that a Link header of this list gave, "
        "with the same sort and order",
        {"field": "cursor", "constraint": "from a Link header"},
    )


def is_signed(cursor: Cursor, scope: Scope, key: bytes) -> bool:
    """Return whether it was made for scope, by this release or by the one before.

    The release before took its key from DATABASE_URL. Both run during a deployment;
    the next release can drop that key.
    """
    before = hashlib.sha256(
        b"taskapi cursor\0" + environment.database_url().encode()
    ).digest()
    return any(
        hmac.compare_digest(cursor.mac, mac(cursor.position, scope, one))
        for one in (key, before)
    )


def mac(position: Position, scope: Scope, key: bytes) -> bytes:
    """Return what ties position to scope: nobody without the key can make it."""
    message = json.dumps(scope).encode() + b"\0" + payload(position)
    return hmac.digest(key, message, "sha256")[:MAC_BYTES]


def payload(position: Position) -> bytes:
    return json.dumps(position, ensure_ascii=False).encode()

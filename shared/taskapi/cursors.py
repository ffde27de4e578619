"""Cursors: where a page of a list ended, in words only this API can write."""

import base64
import hashlib
import hmac
import json
from typing import NamedTuple

from taskapi.errors import ValidationFailed
from taskapi.settings import database_url

MAX_LENGTH = 2048
"""Characters; a title of 200 code points, escaped, encoded and signed, fits."""

MAC_BYTES = 16


class Position(NamedTuple):
    """The last task of a page: the value it was sorted by, and its id."""

    key: str
    id: int


def encode(position: Position, scope: tuple[str, ...]) -> str:
    """Return the cursor of a position in the list that scope names."""
    payload = json.dumps(position, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(mac(payload, scope) + payload).decode().rstrip("=")


def decode(cursor: str, scope: tuple[str, ...]) -> Position:
    """Return the position; raise ValidationFailed unless it was made for scope."""
    position = read(cursor, scope) if len(cursor) <= MAX_LENGTH else None
    # Spare bits of the last character would decode to the same bytes: only the
    # spelling that encode() gives is taken.
    if position is None or encode(position, scope) != cursor:
        raise ValidationFailed(
            "Cursor must be one that a Link header of this list gave, "
            "with the same sort and order",
            {"field": "cursor", "constraint": "from a Link header"},
        )
    return position


def read(cursor: str, scope: tuple[str, ...]) -> Position | None:
    """Return what the cursor says, or None where its signature isn't for scope."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", True)
    except ValueError:
        return None
    payload = data[MAC_BYTES:]
    if not hmac.compare_digest(data[:MAC_BYTES], mac(payload, scope)):
        return None
    return Position(*json.loads(payload))


def mac(payload: bytes, scope: tuple[str, ...]) -> bytes:
    """Return what ties payload to scope: nobody without the key can make it.

    The key is drawn from DATABASE_URL, the one secret that every function which
    reads the list has in every configuration; when it changes, cursors expire.
    """
    key = hashlib.sha256(b"taskapi cursor\0" + database_url().encode())
    message = json.dumps(scope).encode() + b"\0" + payload
    return hmac.digest(key.digest(), message, "sha256")[:MAC_BYTES]

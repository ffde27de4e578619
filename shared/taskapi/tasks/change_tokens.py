"""Tokens of the feed of changes: how far a client's copy goes, signed by this API.

A token says where the copy ends, and to whom and to which database it belongs. The key
and the database's identity are in the database (migrations/0020_change_tokens.sql), so
a token is checked after its page is read. The rows are the caller's own, whatever the
token says, and they are thrown away if the token turns out to be wrong.

A token whose identity isn't this database's may be another database's or damaged: the
signature can't tell, because the key isn't that database's. So every token also has a
checksum, by which most damage is found before anything is read.
"""

import base64
import hashlib
import hmac
import struct
import zlib
from typing import NamedTuple

from taskapi.errors import TokenExpired, ValidationFailed

DAY = 24 * 60 * 60 * 1_000_000
"""Microseconds."""

MAX_AGE = 30 * DAY
"""The trash keeps deletions a day longer (0018_trash.sql). So a token may be a day
ahead of the database's clock, if that went back."""

VERSION = 1

MAC_BYTES = 16


class Token(NamedTuple):
    """How far a copy goes."""

    number: int
    """The copy has all writes up to this number and, of those with this number, the
    ones of tasks up to this id."""
    id: int
    start: int
    """The counter when the client began to read these pages: what was deleted up to
    then isn't in the copy."""
    issued: int
    """When the client began to read these pages, in microseconds since 1970."""


class Database(NamedTuple):
    """What tokens are checked against, read together with a page of changes."""

    counter: int
    """The number of the user's last write, 0 if there is none."""
    beginning: int
    """The number of the user's first write since the counter exists; 0 if unknown."""
    now: int
    """Microseconds since 1970."""
    identity: bytes
    key: bytes


FORM = struct.Struct(">Bqqqq8s8s")
CHECKSUM = struct.Struct(">I")


class Decoded(NamedTuple):
    """The parts of a token; until check() has accepted them, anybody may have written
    them."""

    token: Token
    identity: bytes
    """Of the database."""
    user: bytes
    """A hash of the user's id."""
    signature: bytes


def hash_of(user_id: str) -> bytes:
    """Return what a token says about its user."""
    return hashlib.blake2b(user_id.encode(), digest_size=8).digest()


def encode(token: Token, user_id: str, database: Database) -> str:
    """Return a token of this user and database as text."""
    payload = FORM.pack(VERSION, *token, database.identity, hash_of(user_id))
    return to_text(payload + sign(payload, database.key))


def to_text(signed: bytes) -> str:
    """Return a signed token with its checksum, as text for a query."""
    data = signed + CHECKSUM.pack(zlib.crc32(signed))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(payload: bytes, key: bytes) -> bytes:
    """Return the signature. The key also signs cursors; none of them begins so."""
    return hmac.digest(key, b"changes\0" + payload, "sha256")[:MAC_BYTES]


def decode(text: str) -> Decoded:
    """Return what a token says; raise ValidationFailed if it can't be one.

    Only encode()'s own spelling is accepted.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", True)
        signed = data[: -CHECKSUM.size]
        version, *numbers, identity, user = FORM.unpack(signed[:-MAC_BYTES])
        if version == VERSION and to_text(signed) == text:
            return Decoded(Token(*numbers), identity, user, signed[-MAC_BYTES:])
    except (ValueError, struct.error):
        pass
    raise invalid()


def invalid() -> ValidationFailed:
    """Return the error for a text that is no token."""
    return ValidationFailed(
        "Since must be the token of an earlier response of this operation",
        {"field": "since", "constraint": "from a response"},
    )


def check(decoded: Decoded, user_id: str, database: Database) -> None:
    """Raise an error if the changes after this token can't be known.

    A number beyond the counter was given before the database was restored. If the
    counter began after the token was made, the user was erased in between; but a token
    from before the user's first write has no number, and stays true.
    """
    token, identity, user, signature = decoded
    if identity != database.identity:
        raise TokenExpired
    payload = FORM.pack(VERSION, *token, identity, user)
    if not hmac.compare_digest(signature, sign(payload, database.key)):
        raise invalid()
    newest = max(token.number, token.start)
    if (
        user != hash_of(user_id)
        or not -DAY <= database.now - token.issued <= MAX_AGE
        or newest > database.counter
        or 0 < newest < database.beginning
    ):
        raise TokenExpired

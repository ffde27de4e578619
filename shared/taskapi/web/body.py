"""Parse the body of a request as JSON, or say why it can't be parsed."""

import json
import re

from taskapi import strict_json
from taskapi.errors import BadRequest

COMPRESSED = "The body must not be compressed: send it as JSON in UTF-8"

COMPRESSION = (
    b"\x1f\x8b",  # gzip
    b"\x28\xb5\x2f\xfd",  # zstd
    b"\x78\x01",  # zlib, and so on
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x04\x22\x4d\x18",  # lz4
    b"BZh",
    b"\xfd7zXZ",
    b"PK\x03\x04",
)
"""How compressed data begins. Brotli has no such mark, but it isn't UTF-8 either."""


def check_declared(content_type: str, content_encoding: str) -> None:
    """Raise BadRequest unless these headers declare plain JSON."""
    if content_encoding.strip().lower() not in ("", "identity"):
        raise BadRequest(COMPRESSED)
    if not is_json(content_type):
        raise BadRequest(
            "The body must be declared as JSON, with Content-Type: application/json"
        )


def is_json(content_type: str) -> bool:
    """Return whether it is JSON: RFC 8259, and RFC 6839 for the suffix +json.

    The pattern is compiled only for a type with the suffix. To compile it takes 0.5 M
    instructions of a cold start.
    """
    media_type = content_type.partition(";")[0].strip(" \t\n\r\f\v").lower()
    return media_type == "application/json" or bool(
        re.fullmatch(r"application/[\w!#$&^.+-]+\+json", media_type, re.ASCII)
    )


def parse(body: bytes) -> object:
    """Return the value of the JSON in body; raise BadRequest if it isn't JSON."""
    try:
        return strict_json.loads(body)
    except ValueError as error:
        raise BadRequest(why_not_json(body, error)) from error


def why_not_json(body: bytes, error: ValueError) -> str:
    """Return what is wrong with a body, and where, without quoting it."""
    if isinstance(error, UnicodeDecodeError) and body.startswith(COMPRESSION):
        return COMPRESSED
    encoding = json.detect_encoding(body).upper()
    if encoding == "UTF-8-SIG":
        return "The body must begin with JSON, not with a byte order mark (BOM)"
    if encoding != "UTF-8":
        return f"The body must be JSON in UTF-8, not in {encoding[:6]}"
    if isinstance(error, UnicodeDecodeError):
        return f"The body must be JSON in UTF-8: byte {error.start + 1} is not UTF-8"
    place = str(error)
    if isinstance(error, json.JSONDecodeError):
        place = f"{error.msg} at line {error.lineno}, column {error.colno}"
    return f"The body must be valid JSON in UTF-8: {place}"

"""The issuer's JWKS (RFC 7517): the document with its public keys."""

import json
from collections.abc import Iterator, Mapping

import jwt

from taskapi.auth.fetch import FetchError, address_of, fetch

ALGORITHMS = {
    "EdDSA": ("OKP", "Ed25519"),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES512": ("EC", "P-521"),
}
"""The algorithms that Better Auth can sign with: the type and curve of their keys.

RFC 7518, section 3.1, and RFC 8037, section 3.1.
"""

PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
"""The rest of a key isn't parsed: an issuer may publish a private key by mistake."""

TIMEOUT = 3.0
"""Seconds for one fetch."""

MAX_BYTES = 64 * 1024

Keys = Mapping[str, Mapping[str, jwt.PyJWK]]
"""By `kid`, then by the algorithms that the key is for."""


class Unavailable(Exception):
    """The JWKS can't be fetched or holds no key; the message says why."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        """retry_after: the seconds in the server's Retry-After, or 0."""
        super().__init__(message)
        self.retry_after = retry_after


def fetch_keys(url: str) -> Keys:
    """Return the keys at url; raise Unavailable, whose message has the address."""
    document = fetch_document(url)
    try:
        return parse_keys(document)
    except Unavailable as error:
        raise Unavailable(f"the JWKS at {address_of(url)} {error}") from error


def fetch_document(url: str) -> bytes:
    """Return the document at url, within TIMEOUT seconds; raise Unavailable."""
    try:
        return fetch(url, timeout=TIMEOUT, max_bytes=MAX_BYTES)
    except FetchError as error:
        raise Unavailable(f"the JWKS at {error}", error.retry_after) from error


def parse_keys(document: bytes) -> Keys:
    """Return the keys that can check tokens; raise Unavailable if there is none."""
    try:
        # int() refuses numbers of over 4,300 digits; float() takes any length.
        parsed = json.loads(document, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise Unavailable("isn't JSON") from error
    listed = parsed.get("keys") if isinstance(parsed, dict) else None
    keys: dict[str, dict[str, jwt.PyJWK]] = {}
    for jwk in listed if isinstance(listed, list) else []:
        for kid, key in parse_key(jwk):
            keys.setdefault(kid, {}).setdefault(key.algorithm_name, key)
    if not keys:
        raise Unavailable("holds no key that can check a token")
    return keys


def parse_key(jwk: object) -> Iterator[tuple[str, jwt.PyJWK]]:
    """Yield a key's kid with the key, once for each algorithm that it is for.

    Those are its `alg` if it has one, else all that its type and curve allow. A key
    that can't check a token yields nothing.
    """
    if not isinstance(jwk, dict) or not isinstance(kid := jwk.get("kid"), str):
        return
    operations = jwk.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not verifies:
        return
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk}
    for algorithm, kind in ALGORITHMS.items():
        if (jwk.get("kty"), jwk.get("crv") if kind[1] else None) != kind:
            continue
        if jwk.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK(public, algorithm)
        except jwt.PyJWTError:
            continue
        if key.Algorithm.check_key_length(key.key) is None:
            yield kid, key

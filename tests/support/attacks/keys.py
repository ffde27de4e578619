"""Attacks with the key that signs, and keys that an issuer shouldn't publish."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.direct import SECRET
from tests.support.tokens import (
    ALGORITHMS,
    Key,
    base64url,
    claims,
    compact,
    encoded,
    issuer_keys,
    key,
    secret,
)

Build = Callable[[], str]

ODD_KEYS: dict[str, Key] = {
    "to encrypt": key("ES256", "to encrypt"),
    "not to verify": key("ES256", "not to verify"),
    "of 1024 bits": key("RS256", "short"),
    "of curve Ed448": key("EdDSA", "448"),
    "of curve secp256k1": key("ES256K"),
    "of curve P-384": key("ES384"),
    "of RS384": key("RS384"),
}
SHARED = Key("HS256", "shared", b"a key that the JWKS gives to everyone")


def published() -> list[object]:
    """Return the JWKs of an issuer that also publishes keys that it shouldn't."""
    odd = {name: key.jwk() for name, key in ODD_KEYS.items()}
    odd["to encrypt"]["use"] = "enc"
    odd["not to verify"]["key_ops"] = ["encrypt"]
    symmetric = {"kty": "oct", "kid": "shared", "alg": "HS256"}
    rsa_for_hs256 = key("RS256", "confused").jwk(alg="HS256", kid="confused")
    return [
        *issuer_keys(),
        *odd.values(),
        symmetric | {"k": base64url(SHARED.private)},
        rsa_for_hs256,
        {"kid": "empty"},
        "not a key",
    ]


def forged(header: object, sign: Callable[[bytes], bytes], **given: object) -> str:
    return compact(header, claims(**given), sign)


def mac(secret: bytes, hash: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret, signed, hash)


def public(algorithm: str, encoding: Encoding, form: PublicFormat) -> bytes:
    data: bytes = key(algorithm).private.public_key().public_bytes(encoding, form)
    return data


def confused(material: bytes, algorithm: str = "EdDSA", hash: str = "256") -> str:
    """Return a token that is signed with a public key as the secret (CVE-2015-9235)."""
    header = {"alg": f"HS{hash}", "kid": key(algorithm).kid, "typ": "JWT"}
    return forged(header, mac(material, f"sha{hash}"))


PEM, DER, RAW = Encoding.PEM, Encoding.DER, Encoding.Raw
SPKI = PublicFormat.SubjectPublicKeyInfo


def confusions() -> dict[str, Build]:
    rows: dict[str, Build] = {}
    for name in ALGORITHMS:
        rows |= {
            f"HMAC with the {name} key's PEM": partial(pem_as_secret, name),
            f"HMAC with the {name} key's DER": partial(der_as_secret, name),
            f"HMAC with the {name} key's JWK": partial(jwk_as_secret, name),
            f"HS256 header on a {name} signature": partial(
                lambda k: forged({"alg": "HS256", "kid": k.kid}, k.sign), key(name)
            ),
            f"{name} header on an HS256 signature": partial(
                lambda k: forged(k.header, secret.sign), key(name)
            ),
            f"{name} by a key of the attacker's": partial(by_another_key, name),
            f"{name} with the attacker's key embedded": partial(embedded, name),
        }
        rows |= {
            f"{name} header on a {other} signature": partial(
                lambda k, o: forged(k.header, o.sign), key(name), key(other)
            )
            for other in ALGORITHMS
            if other != name
        }
        rows |= {
            f"{other} with the {name} key's kid": partial(
                lambda k, o: o.token(kid=k.kid), key(name), key(other)
            )
            for other in ALGORITHMS
            if other != name
        }
    return rows


def pem_as_secret(algorithm: str) -> str:
    return confused(public(algorithm, PEM, SPKI), algorithm)


def der_as_secret(algorithm: str) -> str:
    return confused(public(algorithm, DER, SPKI), algorithm)


def jwk_as_secret(algorithm: str) -> str:
    return confused(json.dumps(key(algorithm).jwk()).encode(), algorithm)


def by_another_key(algorithm: str) -> str:
    return key(algorithm, "attacker").token(kid=key(algorithm).kid)


def embedded(algorithm: str) -> str:
    attacker = key(algorithm, "attacker")
    return attacker.token(jwk=attacker.jwk(), kid=key(algorithm).kid)


SECRETS: dict[str, bytes] = {
    "another": b"another secret, of more than thirty-two bytes",
    "empty": b"",
    "a zero byte": b"\0",
    "32 zero bytes": bytes(32),
    "a line break behind": SECRET.encode() + b"\n",
    "a blank in front": b" " + SECRET.encode(),
    "other case": SECRET.upper().encode(),
    "in base64": b64encode(SECRET.encode()),
    "as if it were base64": b64decode(SECRET.replace(" ", "").encode() + b"=" * 4),
    "hashed": hashlib.sha256(SECRET.encode()).digest(),
    "in UTF-16": SECRET.encode("utf-16"),
    "the word secret": b"secret",
    "the word null": b"null",
    "the kid": b"issuer-EdDSA",
    "Better Auth's default": b"better-auth-secret-12345678901234567890",
    "the JWKS's symmetric key": SHARED.private,
    "a bare Ed25519 key": urlsafe_b64decode(str(key("EdDSA").jwk()["x"]) + "="),
    "its x": str(key("EdDSA").jwk()["x"]).encode(),
    "an RSA key's n": str(key("RS256").jwk()["n"]).encode(),
}


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm})}.{encoded(claims())}."

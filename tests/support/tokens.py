"""Make tokens for tests, with keys of every kind."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from local.direct import SECRET

ORIGIN = "http://localhost:3000"
ALGORITHMS = ("EdDSA", "RS256", "PS256", "ES256", "ES512")

Sign = Callable[[bytes], bytes]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def encoded(part: object) -> str:
    """Return bytes as they are, or anything else as JSON, in base64url."""
    return base64url(part if isinstance(part, bytes) else json.dumps(part).encode())


def compact(header: object, payload: object, sign: Sign) -> str:
    """Return a correctly signed token with any header and payload."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def claims(user: str = "alice", /, **changes: object) -> dict[str, object]:
    """Return Better Auth's claims for a user; a change to `...` leaves a claim out."""
    now = int(time.time())
    usual = {
        "name": "Alice",
        "email": "alice@example.com",
        "emailVerified": False,
        "image": None,
        "id": user,
        "sub": user,
        "iat": now,
        "exp": now + 900,
        "iss": ORIGIN,
        "aud": ORIGIN,
    }
    return {k: v for k, v in (usual | changes).items() if v is not ...}


@dataclass(frozen=True)
class Key:
    """A private key, with the header of its tokens and the JWK of its public half."""

    algorithm: str
    kid: str
    private: Any

    def sign(self, signed: bytes) -> bytes:
        algorithm = get_default_algorithms()[self.algorithm]
        signature: bytes = algorithm.sign(signed, self.private)
        return signature

    @property
    def header(self) -> dict[str, object]:
        return {"alg": self.algorithm, "kid": self.kid}

    def jwk(self, **changes: object) -> dict[str, object]:
        """Return the JWK; a change to `...` leaves a member out."""
        algorithm = get_default_algorithms()[self.algorithm]
        public = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        public.pop("key_ops", None)
        jwk = public | {"alg": self.algorithm, "kid": self.kid} | changes
        return {k: v for k, v in jwk.items() if v is not ...}

    def token(self, payload: object = None, **header: object) -> str:
        """Return a token; a change to `...` leaves a header out."""
        changed = {k: v for k, v in (self.header | header).items() if v is not ...}
        return compact(changed, claims() if payload is None else payload, self.sign)


class Secret(Key):
    """The secret of HS256 tokens from Better Auth with a custom jwt.sign."""

    def sign(self, signed: bytes) -> bytes:
        return hmac.digest(self.private, signed, "sha256")

    @property
    def header(self) -> dict[str, object]:
        return {"alg": self.algorithm}


secret = Secret("HS256", "", SECRET.encode())


def key(algorithm: str, name: str = "issuer") -> Key:
    """Return the key of this name, the same one each time."""
    return Key(algorithm, f"{name}-{algorithm}", private_key(algorithm, name))


@cache
def private_key(algorithm: str, name: str) -> object:
    private: object
    if algorithm[:2] in ("RS", "PS"):
        size = 1024 if name == "short" else 2048
        private = rsa.generate_private_key(65537, size)
    elif algorithm == "EdDSA":
        ed = ed448.Ed448PrivateKey if name == "448" else ed25519.Ed25519PrivateKey
        private = ed.generate()
    else:
        curves: dict[str, ec.EllipticCurve] = {
            "ES256": ec.SECP256R1(),
            "ES256K": ec.SECP256K1(),
            "ES384": ec.SECP384R1(),
            "ES512": ec.SECP521R1(),
        }
        private = ec.generate_private_key(curves[algorithm])
    return private


def issuer_keys() -> list[dict[str, object]]:
    """Return the JWKs that an issuer of all five algorithms publishes."""
    return [key(algorithm).jwk() for algorithm in ALGORITHMS]

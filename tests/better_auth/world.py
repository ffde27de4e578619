"""An issuer of the tests' own: keys of every kind, a JWKS over HTTP, and settings."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from taskapi.auth import signatures
from tests.support.api import SECRET

NAMES = (
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "BETTER_AUTH_JWKS_URL",
    "BETTER_AUTH_ISSUER",
    "BETTER_AUTH_AUDIENCE",
    "SECRET_ARN",
)
ORIGIN = "http://localhost:3000"
ALGORITHMS = ("EdDSA", "RS256", "PS256", "ES256", "ES512")

Claims = Mapping[str, object]
Sign = Callable[[bytes], bytes]


@contextmanager
def configured(**given: str) -> Iterator[None]:
    """Have the functions read these settings of Better Auth's, and no others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.setenv(name, "")
        for name, value in given.items():
            patch.setenv(name, value)
        forget()
        try:
            yield
        finally:
            forget()


def forget() -> None:
    """Have the settings and the keys read again, as a new environment does."""
    signatures.signatures_for.cache_clear()
    signatures.key_set_at.cache_clear()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def encoded(part: object) -> str:
    """Return bytes as they are, and anything else as JSON, in base64url."""
    return base64url(part if isinstance(part, bytes) else json.dumps(part).encode())


def compact(header: object, payload: object, sign: Sign) -> str:
    """Return the token of any header and payload, genuinely signed."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def claims(user: str = "alice", /, **changes: object) -> dict[str, object]:
    """Return what Better Auth says of a user; a change to `...` leaves a claim out."""
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
    """The secret that Better Auth's custom jwt.sign signs HS256 with."""

    def sign(self, signed: bytes) -> bytes:
        return hmac.digest(self.private, signed, "sha256")

    @property
    def header(self) -> dict[str, object]:
        return {"alg": self.algorithm}


secret = Secret("HS256", "", SECRET.encode())


def key(algorithm: str, name: str = "issuer") -> Key:
    """Return the key of that name, the same one each time."""
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


class Jwks:
    """An HTTP server that answers as it is told to, and counts."""

    def __init__(self) -> None:
        self.keys: list[object] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.paths: list[str] = []
        self.requests: list[dict[str, str]] = []
        self.before_answering: Callable[[], object] = lambda: None
        jwks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                jwks.paths.append(self.path)
                jwks.requests.append({k.lower(): v for k, v in self.headers.items()})
                jwks.before_answering()
                body = jwks.body
                if body is None:
                    body = json.dumps({"keys": jwks.keys}).encode()
                self.send_response(jwks.status)
                for name, value in jwks.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """The client may hang up: that is one of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/api/auth/jwks"

    @property
    def fetches(self) -> int:
        return len(self.paths)

    def down(self) -> None:
        """Close the port: nobody listens there any more."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def serving(self) -> Iterator["Jwks"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.down()
            thread.join()


WORLDS = {
    "both": {"secret", "jwks"},
    "HS256 alone": {"secret"},
    "JWKS alone": {"jwks"},
}


def world_settings(name: str, jwks_url: str) -> dict[str, str]:
    """Return the settings that turn one world on, or both."""
    given = {}
    if "secret" in WORLDS[name]:
        given["BETTER_AUTH_SECRET"] = SECRET
    if "jwks" in WORLDS[name]:
        given |= {"BETTER_AUTH_URL": ORIGIN, "BETTER_AUTH_JWKS_URL": jwks_url}
    return given

"""What functions connect to: Postgres, and over TLS Secrets Manager and an issuer.

Stand-ins on this machine answer for the last two.
"""

import base64
import json
import math
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.world import database, hs256_settings, make_claims
from taskapi.postgres.conninfo import CA_BUNDLES

ORIGIN = "http://localhost:3000"
"""Of the issuer, in its tokens. Its keys are elsewhere."""

VARIABLES = {"BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"}
"""Settings that aren't in the secret as deployed: the first is a parameter of the
stack, the second says where the stand-in's keys are."""

SERVICE_TIME = 0.005
"""Seconds that Secrets Manager takes for an answer, besides the network."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "of-the-benchmark",
    "AWS_SESSION_TOKEN": "of-the-session",
}

OPENSSL = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
authorityKeyIdentifier = keyid
"""

Answer = Callable[[bytes], tuple[int, object]]
"""Takes a request's body, returns the status and what to send as JSON."""


class Certificates(NamedTuple):
    """Files in PEM."""

    certificate: Path
    key: Path
    trusted: Path
    """The CAs of this machine, and the one that signed the certificate."""


class Services(NamedTuple):
    """Where the services are, and what is in them."""

    database: str
    """The URL of a Postgres that has the users' tasks."""
    jwks: str
    """The URL of the issuer's keys."""
    secrets_manager: str
    certificates: Certificates
    issue: Callable[[str], str]
    """Issues an EdDSA token for a user."""
    keep_secret: Callable[[Mapping[str, str]], str]
    """Keeps settings in a secret of their own; returns its ARN."""

    def hs256_settings(self) -> dict[str, str]:
        return hs256_settings(self.database)

    def eddsa_settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database,
            "BETTER_AUTH_URL": ORIGIN,
            "BETTER_AUTH_JWKS_URL": self.jwks,
        }

    def environment(
        self, settings: Mapping[str, str], deployed: bool
    ) -> dict[str, str]:
        """Return the environment of a function with these settings.

        deployed: they are where docs/deploying.md has them, most in a secret.
        """
        trusted = str(self.certificates.trusted)
        shared = CREDENTIALS | {"SSL_CERT_FILE": trusted, "AWS_CA_BUNDLE": trusted}
        if not deployed:
            return shared | dict(settings)
        in_secret = {k: v for k, v in settings.items() if k not in VARIABLES}
        variables = {k: v for k, v in settings.items() if k in VARIABLES}
        return {
            **shared,
            **variables,
            "SECRET_ARN": self.keep_secret(in_secret),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets_manager,
        }


class Vault:
    """Answers as Secrets Manager does; throttles after so many requests in a second."""

    def __init__(self, rate: float = math.inf) -> None:
        self.throttled = 0
        self._rate = rate
        self._secrets: dict[str, str] = {}
        self._admitted: list[float] = []
        self._lock = threading.Lock()

    def keep(self, settings: Mapping[str, str]) -> str:
        name = f"tasks-{len(self._secrets)}"
        arn = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}"
        self._secrets[arn] = json.dumps(settings)
        return arn

    def answer(self, body: bytes) -> tuple[int, object]:
        if not self._admit(time.monotonic()):
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        time.sleep(SERVICE_TIME)
        arn = json.loads(body)["SecretId"]
        secret = {"ARN": arn, "SecretString": self._secrets[arn]}
        return 200, secret | {"Name": "tasks", "VersionId": "of this run"}

    def _admit(self, now: float) -> bool:
        with self._lock:
            self._admitted = [then for then in self._admitted if then > now - 1]
            admitted = len(self._admitted) < self._rate
            if admitted:
                self._admitted.append(now)
            else:
                self.throttled += 1
            return admitted


@contextmanager
def services() -> Iterator[Services]:
    """Yield services on this machine, without a delay."""
    with database() as url, stand_ins(url, Vault()) as all_of_them:
        yield all_of_them


@contextmanager
def stand_ins(database_url: str, vault: Vault) -> Iterator[Services]:
    """Serve Secrets Manager and an issuer; yield them beside the database."""
    key = Ed25519PrivateKey.generate()
    public = base64.urlsafe_b64encode(key.public_key().public_bytes_raw())
    jwk = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "of this run"}
    jwks = {"keys": [jwk | {"x": public.decode().rstrip("=")}]}

    def issue(user_id: str) -> str:
        claims = make_claims() | {"sub": user_id, "iss": ORIGIN, "aud": ORIGIN}
        return jwt.encode(claims, key, "EdDSA", {"kid": jwk["kid"]})

    with TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder))
        with (
            serve_json(lambda body: (200, jwks), certificates) as issuer,
            serve_json(vault.answer, certificates) as secrets_manager,
        ):
            yield Services(
                database_url,
                f"{issuer}/jwks",
                secrets_manager,
                certificates,
                issue,
                vault.keep,
            )


def make_certificates(folder: Path) -> Certificates:
    """Make a certificate for 127.0.0.1, and its CA, which functions trust.

    They trust this machine's CAs too: loading those takes longer than connecting. The
    CA has Amazon in its name, like the one of Secrets Manager.
    """
    # PgBouncer, which reads them too, doesn't run as root.
    folder.chmod(0o755)
    config, ca_key, ca = (folder / name for name in ("openssl.cnf", "ca.key", "ca.crt"))
    made = Certificates(*(folder / name for name in ("crt", "key", "trusted.crt")))
    config.write_text(OPENSSL)

    def make(name: str, key: Path, certificate: Path, *more: object) -> None:
        command = [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-config", config),
            *("-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *more),
        ]
        subprocess.run([*map(str, command)], check=True, capture_output=True)

    make("Amazon Root CA of the benchmark", ca_key, ca, "-extensions", "ca")
    signer = ("-CA", ca, "-CAkey", ca_key)
    make("localhost", made.key, made.certificate, "-extensions", "server", *signer)
    bundle = next(filter(os.path.isfile, CA_BUNDLES), None)
    others = Path(bundle).read_bytes() if bundle else b""
    made.trusted.write_bytes(others + ca.read_bytes())
    made.key.chmod(0o644)
    return made


@contextmanager
def serve_json(answer: Answer, certificates: Certificates) -> Iterator[str]:
    """Serve JSON over HTTPS on this machine; yield the origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Send headers and body together. Otherwise Nagle's algorithm holds the body
        # back until the client's system confirms the headers, 40 ms later on Linux.
        wbufsize = -1

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            status, content = answer(self.rfile.read(length))
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is no error."""

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    server = Server(("127.0.0.1", 0), Handler)
    # Each connection's thread does its handshake.
    server.socket = tls.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

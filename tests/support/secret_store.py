"""A secret in a stand-in for Secrets Manager, which checks how requests are signed."""

import json
import re
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.serving import serving

NAMES = [
    "DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "SECRET_ARN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
]

REGION = "eu-central-1"
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "session",
}

Reply = tuple[int, dict[str, str], bytes]


def signature(
    host: str, sent: dict[str, str], body: bytes, secret_key: str, token: str | None
) -> str:
    """Return the signature that botocore makes for a request with these headers.

    sent: by name in lower case; Authorization says which of them are signed.
    """
    signed = re.findall(r"SignedHeaders=([^,]*)", sent.get("authorization", ""))
    headers = {name: sent[name] for name in ";".join(signed).split(";") if name in sent}
    request = AWSRequest("POST", f"http://{host}/", headers, body)
    request.context["timestamp"] = sent["x-amz-date"]
    auth = SigV4Auth(Credentials("any", secret_key, token), "secretsmanager", REGION)
    canonical = auth.canonical_request(request)
    made: str = auth.signature(auth.string_to_sign(request, canonical), request)
    return made


class Store:
    """A secret in Secrets Manager, which counts how often it is read."""

    def __init__(self) -> None:
        name = f"tasks-{uuid.uuid4().hex}"
        self.arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}"
        self.secret: dict[str, str] = {"SecretString": "{}"}
        self.keys = dict(AWS_ENVIRONMENT)
        self.reads = 0
        self.requests: list[dict[str, str]] = []
        self.failures: list[Reply] = []
        """What to answer instead, one after the other; the last one stays."""
        self.before_answering: Callable[[], object] = lambda: None
        self.origin = ""

    def put(self, text: str | dict[str, object]) -> None:
        text = text if isinstance(text, str) else json.dumps(text)
        self.secret = {"SecretString": text}

    def fail(self, *codes: str) -> None:
        """Answer with AWS's errors of these codes, the last one from then on."""
        self.failures = [error(code) for code in codes]

    def repair(self) -> None:
        self.failures = []

    def answer(self, headers: dict[str, str], body: bytes) -> Reply:
        """Return what Secrets Manager answers to a request, as long as it works."""
        self.reads += 1
        self.requests.append(headers)
        self.before_answering()
        if self.failures:
            return self.failures.pop(0) if self.failures[1:] else self.failures[0]
        key, token = self.keys["AWS_SECRET_ACCESS_KEY"], self.keys["AWS_SESSION_TOKEN"]
        made = signature(headers["host"], headers, body, key, token)
        if f"Signature={made}" not in headers["authorization"]:
            return error("InvalidSignatureException")
        if headers.get("x-amz-security-token", "") != token:
            return error("UnrecognizedClientException")
        if headers["x-amz-target"] != "secretsmanager.GetSecretValue":
            return error("UnknownOperationException")
        if json.loads(body) != {"SecretId": self.arn}:
            return error("ResourceNotFoundException")
        return 200, {}, json.dumps({"ARN": self.arn, **self.secret}).encode()

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator["Store"]:
        """Serve the secret at `origin`."""
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(sent.get("content-length", 0)))
                status, headers, answer = store.answer(sent, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """In some tests the client hangs up."""

        server = Server(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        with serving(server):
            yield self


def error(code: str, message: str = "what happened", status: int = 400) -> Reply:
    """Return an error as AWS's JSON protocol has it."""
    body = {"__type": code, "Message": message} if code else {}
    return status, {}, json.dumps(body).encode()

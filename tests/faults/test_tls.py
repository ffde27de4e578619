"""TLS as in production: sslmode=verify-full and sslnegotiation=direct."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.support.faults import DATABASE, Api


class TlsServer:
    """Terminates TLS in front of a Unix socket, as Neon's proxy does."""

    def __init__(self, target: str, certificate: Path) -> None:
        self.target = target
        self.accepted = 0
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._context.set_alpn_protocols(["postgresql"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            suppress(OSError),
            client,
            self._context.wrap_socket(client, server_side=True) as outer,
            socket.socket(socket.AF_UNIX) as inner,
        ):
            inner.connect(self.target)
            # Only one side sends at a time, so one thread is enough.
            while data := outer.recv(65536):
                inner.sendall(data)
                if data[:1] == b"X":
                    break
                while not (answer := inner.recv(65536)).endswith(b"Z\0\0\0\5I"):
                    if not answer:  # as after a cancellation
                        return
                    outer.sendall(answer)
                outer.sendall(answer)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + signed.public_bytes(Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(api: Api, certificate: Path) -> Iterator[TlsServer]:
    server = TlsServer(api.postgres.socket, certificate)
    yield server
    server.close()


def url(tls: TlsServer, **parameters: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return (
        f"postgresql://postgres@127.0.0.1:{tls.port}/{DATABASE}"
        f"?sslmode=verify-full&sslnegotiation=direct&{query}"
    )


def test_keeps_a_verified_connection(
    api: Api, tls: TlsServer, certificate: Path
) -> None:
    api.point(url(tls, sslrootcert=certificate))

    for _ in range(3):
        api.create()

    assert len(api.rows()) == 3
    assert api.faults == []
    assert tls.accepted == 1


def test_refuses_a_server_that_nobody_vouches_for(api: Api, tls: TlsServer) -> None:
    api.point(url(tls, sslrootcert="system"))

    answer = api.send("create_task", json_body={"title": "new"})

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "30"
    meaning = "this server doesn't offer TLS as DATABASE_URL requires it"
    assert [fault["message"] for fault in api.faults] == [meaning]


def test_cancels_a_statement_over_tls(
    api: Api, tls: TlsServer, certificate: Path, short_budget: None, cancelling: None
) -> None:
    id = api.create()["id"]
    api.point(url(tls, sslrootcert=certificate))
    api.works()

    with api.postgres.locked(DATABASE):
        answer = api.send("complete_task", id)

    assert answer.status == 503, answer.text
    meaning = "the statement took too long and was cancelled"
    assert [fault["message"] for fault in api.faults] == [meaning]
    assert tls.accepted == 2
    assert api.rows()[id] == ("Buy groceries", False, 1)

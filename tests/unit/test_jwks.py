"""The JWKS is fetched when it is needed, no oftener, and no further than is safe."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psutil
import pytest

from local.waiting import eventually
from taskapi import time_budget
from taskapi.auth import jwks
from taskapi.auth.jwks import MAX_BYTES, Unavailable
from taskapi.auth.key_set import COOL_DOWN, FAILURE_COOL_DOWN, KeySet
from taskapi.auth.tokens import InvalidToken
from taskapi.errors import ServiceUnavailable
from tests.support.clock import Clock
from tests.support.jwks import Jwks
from tests.support.tokens import ALGORITHMS, issuer_keys, key

OLD, NEW = key("EdDSA"), key("EdDSA", "new")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def never_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a fetch that succeeds as long as a busy machine takes."""
    monkeypatch.setattr(jwks, "TIMEOUT", 60.0)
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", 60.0)


@pytest.fixture
def server() -> Iterator[Jwks]:
    with Jwks().serving() as server:
        server.keys = [OLD.jwk()]
        yield server


@pytest.fixture
def keys(server: Jwks, clock: Clock) -> KeySet:
    return KeySet(server.url, clock)


def known(keys: KeySet, kid: str) -> bool:
    try:
        return bool(keys.key("EdDSA", kid))
    except InvalidToken:
        return False


def test_nothing_is_fetched_before_it_is_needed(keys: KeySet, server: Jwks) -> None:
    assert server.fetches == 0


def test_one_fetch_serves_for_good(keys: KeySet, server: Jwks, clock: Clock) -> None:
    for _ in range(3):
        assert known(keys, OLD.kid)
        clock.now += 1_000_000

    assert server.paths == ["/api/auth/jwks"]


def test_a_new_key_is_found_at_once(keys: KeySet, server: Jwks) -> None:
    assert known(keys, OLD.kid)
    server.keys = [OLD.jwk(), NEW.jwk()]

    assert known(keys, NEW.kid)
    assert known(keys, OLD.kid)


def test_a_key_is_forgotten_that_the_issuer_has_removed(
    keys: KeySet, server: Jwks
) -> None:
    assert known(keys, OLD.kid)
    server.keys = [NEW.jwk()]

    assert known(keys, NEW.kid)
    assert not known(keys, OLD.kid)


def test_unknown_kids_fetch_once_in_the_cool_down(
    keys: KeySet, server: Jwks, clock: Clock
) -> None:
    assert known(keys, OLD.kid)
    for number in range(100):
        assert not known(keys, f"unknown-{number}")
    assert server.fetches == 2

    clock.now += COOL_DOWN - 1
    assert not known(keys, "unknown")
    assert server.fetches == 2

    clock.now += 1
    assert not known(keys, "unknown")
    assert server.fetches == 3


def test_known_keys_serve_during_the_cool_down(keys: KeySet, server: Jwks) -> None:
    assert not known(keys, "unknown")
    assert not known(keys, "unknown")

    assert known(keys, OLD.kid)


def test_the_last_good_keys_serve_while_the_issuer_is_down(
    keys: KeySet, server: Jwks, clock: Clock
) -> None:
    assert known(keys, OLD.kid)
    server.down()

    for _ in range(3):
        assert known(keys, OLD.kid)
        assert not known(keys, NEW.kid)
        clock.now += COOL_DOWN


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"keys": []}', b"{}", b"[]"])
def test_the_last_good_keys_outlive_a_bad_answer(
    keys: KeySet, server: Jwks, body: bytes
) -> None:
    assert known(keys, OLD.kid)
    server.body = body

    assert not known(keys, NEW.kid)
    assert known(keys, OLD.kid)


def test_an_issuer_that_is_down_is_asked_once_in_the_cool_down(
    keys: KeySet, server: Jwks
) -> None:
    assert known(keys, OLD.kid)
    server.status = 500

    for number in range(10):
        assert not known(keys, f"unknown-{number}")

    assert server.fetches == 2


def unavailable(keys: KeySet) -> ServiceUnavailable:
    with pytest.raises(ServiceUnavailable) as raised:
        keys.key("EdDSA", OLD.kid)
    return raised.value


def test_without_keys_it_says_so_and_asks_again(
    keys: KeySet, server: Jwks, clock: Clock
) -> None:
    server.status = 503
    assert unavailable(keys).retry_after == FAILURE_COOL_DOWN
    server.status = 200

    clock.now += FAILURE_COOL_DOWN - 1
    assert unavailable(keys).retry_after == 1
    assert server.fetches == 1

    clock.now += 1
    assert known(keys, OLD.kid)


def test_without_keys_many_tokens_fetch_once_in_the_cool_down(
    keys: KeySet, server: Jwks
) -> None:
    server.status = 500

    for _ in range(50):
        unavailable(keys)

    assert server.fetches == 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("20", 20), ("0", 5), ("1", 5), ("86400", 30), ("x", 5), ("", 5), ("-9", 5)],
)
def test_waits_as_long_as_the_issuer_asks(
    keys: KeySet, server: Jwks, asked: str, seconds: int
) -> None:
    server.status, server.headers = 429, {"retry-after": asked}

    assert unavailable(keys).retry_after == seconds


def test_make_run_shortens_the_cool_down(
    keys: KeySet, server: Jwks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWKS_COOL_DOWN", "1")
    assert known(keys, OLD.kid)
    assert not known(keys, NEW.kid)
    server.keys = [NEW.jwk()]
    assert not known(keys, NEW.kid)

    clock.now += 1

    assert known(keys, NEW.kid)


class Dripping:
    """A server that sends a byte now and then, and never ends an answer."""

    def __init__(self, before: bytes) -> None:
        self.accepted = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/jwks"
        self._before = before
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._drip(client)

    def _drip(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.sendall(self._before)
            while not self._over.wait(0.005):
                client.sendall(b" ")

    def close(self) -> None:
        self._over.set()
        self._listener.close()


DRIPS = {
    "nothing": b"",
    "the status": b"HTTP/1.1 2",
    "the headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "the body": b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
    "a body without length": b"HTTP/1.1 200 OK\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    "100s": b"HTTP/1.1 100 Continue\r\nX: ",
}


@pytest.mark.parametrize("before", DRIPS.values(), ids=DRIPS)
def test_a_dripping_server_leaves_neither_threads_nor_sockets(
    before: bytes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, threads = jwks.fetch_document, []

    def fetch_document(url: str) -> bytes:
        threads.append(threading.current_thread())
        return real(url)

    monkeypatch.setattr(jwks, "fetch_document", fetch_document)
    monkeypatch.setattr(jwks, "TIMEOUT", 0.03)
    server = Dripping(before)
    keys = KeySet(server.url, clock)

    for _ in range(10):
        unavailable(keys)
        eventually(lambda: keys._flight._running and keys._flight._running.done())
        assert sockets_to(server.port) == 0
        clock.now += FAILURE_COOL_DOWN

    assert len(threads) == 10
    eventually(lambda: not any(thread.is_alive() for thread in threads))
    eventually(lambda: server.accepted == 10)
    server.close()


def sockets_to(port: int) -> int:
    """Return how many sockets of this process are connected to a port, or were."""
    open_sockets = psutil.Process().net_connections("tcp")
    return sum(bool(each.raddr) and each.raddr.port == port for each in open_sockets)


def test_never_fetches_twice_at_once(
    keys: KeySet, server: Jwks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    server.before_answering = lambda: answer.wait(60)
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", 0.01)

    for _ in range(5):
        unavailable(keys)
        clock.now += FAILURE_COOL_DOWN
    assert server.fetches <= 1

    answer.set()
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", 60.0)
    assert known(keys, OLD.kid)
    assert server.fetches == 1


def together(keys: KeySet, kids: list[str]) -> list[object]:
    """Return what each kid gives, all asked for at the same moment."""
    barrier = threading.Barrier(len(kids))

    def ask(kid: str) -> object:
        barrier.wait()
        try:
            return known(keys, kid)
        except ServiceUnavailable:
            return "unavailable"

    with ThreadPoolExecutor(len(kids)) as threads:
        return list(threads.map(ask, kids))


def test_concurrent_requests_fetch_once(keys: KeySet, server: Jwks) -> None:
    assert together(keys, [OLD.kid] * 20) == [True] * 20
    assert server.fetches == 1


def test_concurrent_requests_for_a_new_key_fetch_once(
    keys: KeySet, server: Jwks
) -> None:
    assert known(keys, OLD.kid)
    server.keys = [NEW.jwk()]

    assert together(keys, [NEW.kid] * 20) == [True] * 20
    assert server.fetches == 2


def test_those_who_wait_share_a_failure(keys: KeySet, server: Jwks) -> None:
    waiting = threading.Event()
    server.before_answering = lambda: waiting.wait(1)
    server.status = 500

    assert together(keys, [OLD.kid] * 20) == ["unavailable"] * 20
    assert server.fetches == 1


def test_a_known_key_does_not_wait_for_a_fetch(keys: KeySet, server: Jwks) -> None:
    assert known(keys, OLD.kid)
    asked, answer = threading.Event(), threading.Event()

    def hesitate() -> None:
        asked.set()
        answer.wait(60)

    server.before_answering = hesitate
    with ThreadPoolExecutor(1) as threads:
        unknown = threads.submit(known, keys, "unknown")
        assert asked.wait(60)
        assert known(keys, OLD.kid)
        assert not unknown.done()
        answer.set()
    assert not unknown.result()


# What an answer may be


def test_an_answer_may_be_as_large_as_the_bound(server: Jwks) -> None:
    server.body = b" " * MAX_BYTES

    assert len(jwks.fetch_document(server.url)) == MAX_BYTES


def test_an_answer_over_the_bound_is_refused(server: Jwks) -> None:
    server.body = b" " * (MAX_BYTES + 1)

    with pytest.raises(Unavailable, match="over 65536 bytes"):
        jwks.fetch_document(server.url)


def test_an_answer_without_end_is_not_read_to_its_end(server: Jwks) -> None:
    server.body = b" " * (50 * MAX_BYTES)
    server.headers = {"content-length": str(10**12)}

    with pytest.raises(Unavailable, match="over 65536 bytes"):
        jwks.fetch_document(server.url)


def test_reads_a_document_with_a_number_of_any_length(server: Jwks) -> None:
    document = {"keys": [OLD.jwk()], "x": 0}
    server.body = json.dumps(document).replace("0}", f"{'9' * 5000}}}").encode()

    assert list(jwks.fetch_keys(server.url)) == [OLD.kid]


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"{}", b'{"keys": []}', b"[" * 60_000, b'{"keys": "\xe9"}'],
    ids=["a page", "nothing", "other JSON", "no keys", "deep JSON", "not UTF-8"],
)
def test_names_the_address_of_what_is_no_jwks(server: Jwks, body: bytes) -> None:
    server.body = body

    with pytest.raises(Unavailable, match=f"the JWKS at {server.url} (isn't|holds no)"):
        jwks.fetch_keys(server.url)


@pytest.mark.parametrize("status", [204, 206, 301, 302, 307, 308, 400, 404, 429, 500])
def test_anything_but_a_200_is_refused(server: Jwks, status: int) -> None:
    server.status = status

    with pytest.raises(Unavailable):
        jwks.fetch_document(server.url)


def test_a_redirect_is_not_followed(server: Jwks) -> None:
    server.status, server.headers = 302, {"location": f"{server.origin}/elsewhere"}

    with pytest.raises(Unavailable):
        jwks.fetch_document(server.url)

    assert server.paths == ["/api/auth/jwks"]


def test_a_server_that_sends_now_and_then_is_given_up(
    server: Jwks, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(jwks, "TIMEOUT", 0.2)
    server.before_answering = lambda: never.wait(60)

    with pytest.raises(Unavailable, match="took over"):
        jwks.fetch_document(server.url)

    never.set()


def test_a_server_that_drips_its_headers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up = threading.Event()

    class Dripping(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            # For a minute at most: a client that doesn't give up fails, and hangs not.
            for _ in range(3000):
                if given_up.wait(0.02):
                    break
                self.wfile.write(b"x")

    monkeypatch.setattr(jwks, "TIMEOUT", 0.2)
    with http.server.HTTPServer(("127.0.0.1", 0), Dripping) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(Unavailable, match="took over"):
            jwks.fetch_document(f"http://127.0.0.1:{server.server_port}/")
        given_up.set()
        thread.join()


def test_an_address_without_a_server_is_unavailable(server: Jwks) -> None:
    server.down()

    with pytest.raises(Unavailable, match="can't be fetched"):
        jwks.fetch_document(server.url)


def test_this_machine_is_asked_without_a_proxy(
    server: Jwks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert jwks.fetch_document(server.url)


# Which keys are for what


def algorithms(*listed: object) -> dict[str, set[str]]:
    """Return what the keys of a JWKS are for, by kid."""
    document: Any = {"keys": list(listed)}
    keys = jwks.parse_keys(json.dumps(document).encode())
    return {kid: set(of_kid) for kid, of_kid in keys.items()}


def test_a_key_is_for_its_alg_alone() -> None:
    bound = algorithms(*issuer_keys())

    assert bound == {key(name).kid: {name} for name in ALGORITHMS}


def test_a_key_without_alg_is_for_what_its_type_allows() -> None:
    bound = algorithms(*(key(name).jwk(alg=..., kid=name) for name in ALGORITHMS))

    assert bound == {
        "EdDSA": {"EdDSA"},
        "RS256": {"RS256", "PS256"},
        "PS256": {"RS256", "PS256"},
        "ES256": {"ES256"},
        "ES512": {"ES512"},
    }


UNUSABLE: dict[str, object] = {
    "not an object": "key",
    "no kid": OLD.jwk(kid=...),
    "a kid that is a number": OLD.jwk(kid=1),
    "to encrypt": OLD.jwk(use="enc"),
    "not to verify": OLD.jwk(key_ops=["sign"]),
    "operations that are text": OLD.jwk(key_ops="verify"),
    "another algorithm's": OLD.jwk(alg="ES256"),
    "an algorithm unknown": OLD.jwk(alg="EdDSA2"),
    "an algorithm that is a list": OLD.jwk(alg=["EdDSA"]),
    "null for an algorithm": OLD.jwk(alg=None),
    "no x": OLD.jwk(x=...),
    "a short x": OLD.jwk(x="AA"),
    "x a number": OLD.jwk(x=1),
    "another curve": OLD.jwk(crv="X25519"),
    "Ed448": key("EdDSA", "448").jwk(),
    "no type": OLD.jwk(kty=...),
    "a type that is a list": OLD.jwk(kty=["OKP"]),
    "symmetric": {"kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0"},
    "RSA for HS256": key("RS256").jwk(alg="HS256"),
    "RSA of 1024 bits": key("RS256", "short").jwk(),
    "RSA without e": key("RS256").jwk(e=...),
    "a point off the curve": key("ES256").jwk(x=key("ES256", "attacker").jwk()["x"]),
    "P-256 for ES512": key("ES256").jwk(alg="ES512"),
    "secp256k1": key("ES256K").jwk(alg="ES256"),
}


@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_can_not_check_tokens_is_left_out(unusable: object) -> None:
    assert set(algorithms(unusable, NEW.jwk())) == {NEW.kid}

    with pytest.raises(Unavailable, match="no key"):
        algorithms(unusable)


def test_the_private_half_is_never_taken() -> None:
    listed = OLD.jwk() | {"d": "c2VjcmV0"}

    keys = jwks.parse_keys(json.dumps({"keys": [listed]}).encode())

    assert not hasattr(keys[OLD.kid]["EdDSA"].key, "sign")


def test_two_keys_of_one_kid_are_told_apart_by_algorithm() -> None:
    listed = key("ES256").jwk(kid="same"), key("RS256").jwk(kid="same")

    assert algorithms(*listed) == {"same": {"ES256", "RS256"}}

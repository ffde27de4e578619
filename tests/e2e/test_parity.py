"""HTTP requests, and the events that API Gateway makes of them: parity.json.

The rows follow AWS's developer guide (HTTP API, payload format 2.0) and, where that
is silent, the live captures named in local/events.py. null: the field is absent.
"""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Client, serving

ROWS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("parity.json").read_text(encoding="utf-8")
)

TEMPLATE = """
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/echo
      Handler: app.handler
      Timeout: 10
      Events:
        List: {Type: HttpApi, Properties: {Method: GET, Path: "/a/{user_id}/tasks"}}
        Add: {Type: HttpApi, Properties: {Method: POST, Path: "/a/{user_id}/tasks"}}
        Files: {Type: HttpApi, Properties: {Method: GET, Path: "/files/{path+}"}}
        Any: {Type: HttpApi, Properties: {Method: ANY, Path: /any}}
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Ask a gateway whose one function returns its event."""
    root = tmp_path_factory.mktemp("parity")
    (root / "functions" / "echo").mkdir(parents=True)
    (root / "template.yaml").write_text(TEMPLATE)
    (root / "functions" / "echo" / "app.py").write_text(
        "def handler(event, context): return event"
    )
    with serving(root) as client:
        yield client


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_becomes_the_event_that_api_gateway_makes(
    ask: Client, row: dict[str, Any]
) -> None:
    method, target = row["request"]
    headers = [(name, text(value)) for name, value in row.get("headers", [])]

    reply = ask(method, target, headers, text(row.get("body", "")).encode("latin-1"))

    if "event" in row:
        assert reply.status == 200, reply
        assert difference(row["event"], reply.json) == []
        return
    assert reply.status == row["answer"]["status"]
    if "message" in row["answer"]:
        assert reply.json == {"message": row["answer"]["message"]}
        assert reply["content-type"] == "application/json"
        assert reply["apigw-requestid"]
    else:
        assert (method, reply.body) == ("HEAD", b"")


def text(value: str | dict[str, Any]) -> str:
    """Return what the data says in short, as latin-1 has it: a character a byte."""
    match value:
        case {"text": str(plain)}:
            return plain.encode().decode("latin-1")
        case {"base64": str(encoded)}:
            return base64.b64decode(encoded).decode("latin-1")
        case {"repeat": [str(part), int(times)]}:
            return part * times
    assert isinstance(value, str)
    return value


def difference(expected: object, found: object, where: str = "event") -> list[str]:
    """Return where an event lacks what is expected; it may have more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if where.endswith("Parameters") and expected != found:
            return [f"{where} is {found}"]
        inner = (
            difference(value, found.get(name), f"{where}.{name}")
            for name, value in expected.items()
        )
        return [each for found_in in inner for each in found_in]
    return [] if expected == found else [f"{where} is {found!r}, not {expected!r}"]


# Slow clients

REQUEST = (
    b"POST /a/u/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
)


def connect(client: Client) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def answer(connection: socket.socket) -> tuple[bytes, dict[str, Any]]:
    """Return the status line and the event."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], json.loads(body)


def test_a_request_may_come_a_byte_at_a_time(ask: Client) -> None:
    with connect(ask) as connection:
        for byte in REQUEST:
            connection.send(bytes([byte]))

        status, event = answer(connection)

    assert (status, event["body"]) == (b"HTTP/1.1 200 OK", "{}")


@pytest.mark.parametrize(
    "sent", [20, REQUEST.index(b"\r\n\r\n"), len(REQUEST) - 1], ids=str
)
def test_others_are_served_while_one_is_slow(ask: Client, sent: int) -> None:
    with connect(ask) as slow:
        slow.sendall(REQUEST[:sent])

        assert ask("GET", "/any").status == 200

        slow.sendall(REQUEST[sent:])
        assert answer(slow)[1]["body"] == "{}"


def test_a_client_may_hang_up_halfway(ask: Client) -> None:
    with connect(ask) as connection:
        connection.sendall(REQUEST[:-1])

    assert ask("GET", "/any").status == 200


def test_chunks_arrive_as_one_body(ask: Client) -> None:
    headers = [("Transfer-Encoding", "chunked"), ("Content-Type", "text/plain")]

    reply = ask("POST", "/a/u/tasks", headers, b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")

    wanted = {"body": "abcde", "headers": {"content-length": "5"}}
    assert difference(wanted, reply.json) == []

"""TCP connections that are begun before anything is known of what to send."""

import socket
import time

from taskapi import tcp
from tests.support.ports import free_port

HOST = "127.0.0.1"


def in_a_minute() -> float:
    return time.monotonic() + 60


def test_the_next_connection_is_the_one_that_was_dialled() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]

        tcp.dial(HOST, port, 60)
        accepted, dialled = server.accept()
        first = tcp.connect_tcp(HOST, port, in_a_minute())
        second = tcp.connect_tcp(HOST, port, in_a_minute())

        with accepted, first, second:
            assert first.getsockname() == dialled
            assert second.getsockname() != dialled


def test_a_dial_that_failed_is_tried_again() -> None:
    port = free_port()
    tcp.dial(HOST, port, 60)
    refused = tcp._dialled[HOST, port].exception(60)

    with (
        socket.create_server((HOST, port)),
        tcp.connect_tcp(HOST, port, in_a_minute()) as connection,
    ):
        assert connection.getpeername() == (HOST, port)
    assert isinstance(refused, ConnectionRefusedError)

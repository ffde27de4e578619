"""Open TCP connections, some of them before anything is known of what to send."""

import os
import socket
import sys
import time
from concurrent.futures import Future
from contextlib import suppress

from taskapi.single_flight import SingleFlight

Address = tuple[str | int | bytes, ...]

_dialled: dict[tuple[str, int], Future[socket.socket]] = {}


def dial(host: str, port: int, timeout: float) -> None:
    """Begin to connect, in a thread: the next connect_tcp() gets this connection."""
    deadline = time.monotonic() + timeout
    dialling: SingleFlight[socket.socket] = SingleFlight()
    _dialled[host, port] = dialling.start(lambda: try_addresses(host, port, deadline))


def may_have_proxy() -> bool:
    """Return whether a proxy for https may be set. Linux has only variables for it."""
    return sys.platform != "linux" or "https_proxy" in map(str.lower, os.environ)


def connect_tcp(host: str, port: int, deadline: float) -> socket.socket:
    """Return a TCP connection to the first of host's addresses that accepts one.

    deadline: on time.monotonic(). If dial() has begun one, that is returned.
    """
    if dialling := _dialled.pop((host, port), None):
        with suppress(OSError):
            return dialling.result(deadline - time.monotonic())
    return try_addresses(host, port, deadline)


def try_addresses(host: str, port: int, deadline: float) -> socket.socket:
    """Return a new connection.

    Each address gets its share of the time: the first may be an IPv6 address in a
    network without IPv6, which would use up all of it.
    """
    addresses = socket.getaddrinfo(to_ascii(host), port, type=socket.SOCK_STREAM)
    failure: OSError = TimeoutError()
    for index, (family, kind, protocol, _name, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - index)
        connection = socket.socket(family, kind, protocol)
        try:
            connect_socket(connection, address, max(share, 0.001))
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


def connect_socket(connection: socket.socket, address: Address, timeout: float) -> None:
    """Connect within timeout seconds."""
    connection.settimeout(timeout)
    connection.connect(address)
    # Otherwise the body would wait until the server has received the headers.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def to_ascii(host: str) -> bytes | str:
    """Return host in a form for which Python needn't import its IDNA codec."""
    return host.encode() if host.isascii() else host

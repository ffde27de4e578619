"""Ports for processes that tests start."""

import os
import random
import socket
from contextlib import suppress

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
# The system gives none of these to clients or to processes that ask for any free port:
# Linux begins at 32768, macOS at 49152. Other workers use other ports.
PORTS = random.sample(range(20_000 + 750 * WORKER, 20_750 + 750 * WORKER), 750)


def free_port() -> int:
    """Return a port that stays free until a process listens on it."""
    while True:
        port = PORTS.pop()
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

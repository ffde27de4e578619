"""Put all services far away: TLS, a password for Postgres, and a latency each way.

PgBouncer ends TLS and checks the password (SCRAM), as Neon's proxy does. It keeps a
server connection for each client (`pool_mode = session`): asyncpg's prepared statements
work in no other mode.
"""

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from benchmarks.emulator import find_free_ports
from benchmarks.services import Services
from local.servers import PgBouncer, Postgres

ROLE, PASSWORD = "app", "of-the-benchmark"


class Distance:
    """A TCP port that forwards to the target and back with a delay.

    It uses threads that sleep, because asyncio's timers are up to a millisecond late. A
    client's first bytes wait for one more round trip, the time of TCP's handshake.
    """

    def __init__(self, target: int, seconds: float) -> None:
        self.seconds = seconds
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                open_at = time.perf_counter() + 2 * self.seconds
                far = socket.create_connection(("127.0.0.1", self._target))
                for side in (near, far):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._carry(near, far, open_at)
                self._carry(far, near, open_at)

    def _carry(self, source: socket.socket, sink: socket.socket, begin: float) -> None:
        """Forward what source sends; nothing is sent before begin."""
        on_the_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def receive() -> None:
            data = b" "
            while data:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                sent_at = max(time.perf_counter(), begin)
                on_the_way.put((sent_at + self.seconds, data))

        def deliver() -> None:
            with suppress(OSError):
                while True:
                    due, data = on_the_way.get()
                    time.sleep(max(due - time.perf_counter(), 0))
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)

        for work in (receive, deliver):
            threading.Thread(target=work, daemon=True).start()


@contextmanager
def far_away(near: Services, *latencies: float) -> Iterator[list[Services]]:
    """Yield the services as far away as each of the latencies, in seconds each way."""
    with TemporaryDirectory() as name, ExitStack() as running:
        # PgBouncer doesn't run as root, even if this process does.
        Path(name).chmod(0o755)
        port, server = make_tls_server(Path(name), near)
        server.start()
        running.callback(server.stop)

        def move(url: str, seconds: float) -> str:
            """Return the URL of the same service, but so far away."""
            parts = urlsplit(url)
            assert parts.port
            distance = Distance(parts.port, seconds)
            running.callback(distance.close)
            return url.replace(f":{parts.port}", f":{distance.port}", 1)

        database = (
            f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=require"
        )
        yield [
            near._replace(
                database=move(database, seconds),
                jwks=move(near.jwks, seconds),
                secrets_manager=move(near.secrets_manager, seconds),
            )
            for seconds in latencies
        ]


def make_tls_server(folder: Path, near: Services) -> tuple[int, PgBouncer]:
    """Return the port of a PgBouncer for the database, and the PgBouncer."""
    socket_folder = parse_qs(urlsplit(near.database).query)["host"][0]
    postgres = Postgres(Path(socket_folder), near.database)
    users = folder / "users"
    users.write_text(f'"{ROLE}" "{PASSWORD}"\n')
    users.chmod(0o644)
    [port, _] = find_free_ports()
    server = PgBouncer(
        folder / "pgbouncer",
        postgres,
        listen_addr="127.0.0.1",
        listen_port=port,
        auth_type="scram-sha-256",
        auth_file=users,
        pool_mode="session",
        min_pool_size=2,
        client_tls_sslmode="require",
        client_tls_cert_file=near.certificates.certificate,
        client_tls_key_file=near.certificates.key,
    )
    server.socket = f"{server.folder}/.s.PGSQL.{port}"
    return port, server

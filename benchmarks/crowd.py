"""Many execution environments at once, as processes that share a database.

Each is forked from a process that has imported the functions: a hundred processes that
import at once would measure the cores of this machine, and in Lambda each has its own.
"""

import importlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from local.direct import SECRET
from local.servers import PgBouncer, Postgres, running_postgres
from taskapi.log import logger
from taskapi.postgres.migrate import migrate

DATABASE = "crowd"


def import_functions(names: Iterable[str]) -> None:
    """Import functions, and log nothing but what is critical."""
    os.environ["BETTER_AUTH_SECRET"] = SECRET
    logger.setLevel("CRITICAL")
    for name in names:
        importlib.import_module(f"functions.{name}.app")


@contextmanager
def pooled_database() -> Iterator[tuple[Postgres, PgBouncer]]:
    """Yield a Postgres with empty tables, and a PgBouncer that DATABASE_URL names."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with running_postgres(folder / "postgres") as postgres:
            postgres.execute(f"CREATE DATABASE {DATABASE}")
            migrate(postgres.url(DATABASE))
            pgbouncer = PgBouncer(folder / "pgbouncer", postgres)
            pgbouncer.start()
            os.environ["DATABASE_URL"] = pgbouncer.url(DATABASE)
            try:
                yield postgres, pgbouncer
            finally:
                pgbouncer.stop()


def run_at_once(
    environments: int, work: Callable[[], "array[float]"]
) -> "array[float]":
    """Run work in so many processes, which start at the same moment; join the results.

    The result of one must be shorter than PIPE_BUF (4 KB), so that it is written at
    once.
    """
    gate, opener = os.pipe()
    results, reporter = os.pipe()
    children = []
    for _ in range(environments):
        child = os.fork()
        if child == 0:
            os.close(opener)
            os.read(gate, 1)  # Wait until the parent closes its end.
            try:
                os.write(reporter, work().tobytes())
            finally:
                os._exit(0)  # An exception must not stop the parent's servers.
        children.append(child)
    os.close(reporter)
    os.close(gate)
    os.close(opener)
    with open(results, "rb") as report:
        joined = array("f", report.read())
    for child in children:
        os.waitpid(child, 0)
    return joined

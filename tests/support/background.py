"""Do something while a test does something else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do work in a thread; raise its exception."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        yield
        running.result(60)

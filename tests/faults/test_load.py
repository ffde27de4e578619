"""100 execution environments at once, through 20 connections to Postgres."""

import subprocess
import sys

from benchmarks.load import HEADER
from local.servers import PgBouncer

LOAD = """
from benchmarks.load import main
from tests.support.crowd import be_patient
be_patient()
main()
"""


def test_serves_100_environments_at_once(pgbouncer: PgBouncer) -> None:
    arguments = ["--environments", "100", "--rounds", "1"]

    done = subprocess.run(
        [sys.executable, "-c", LOAD, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )

    *header, row = done.stdout.splitlines()
    assert header == HEADER.splitlines()
    environments, requests, errors, *_ = row.strip("| ").split(" | ")
    assert (environments, requests, errors) == ("100", "600", "0")

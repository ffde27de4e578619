"""The time budget, and the table of faults where no real server says it."""

import re
from pathlib import Path

import psycopg
import pytest

from taskapi import db, time_budget
from taskapi.faults import FAULTS, LOST, TEXTS, TIMED_OUT, TLS, fault_of

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
GATEWAY_TIMEOUT = 30


def test_the_budget_ends_before_the_function_and_that_before_the_gateway() -> None:
    timeouts = re.findall(r"^ +Timeout: (\d+)", TEMPLATE.read_text(), re.MULTILINE)

    assert timeouts
    for timeout in map(int, timeouts):
        assert time_budget.REQUEST_TIMEOUT + 3 < timeout < GATEWAY_TIMEOUT
    assert db.PATIENCE < time_budget.REQUEST_TIMEOUT


def test_pauses_grow_up_to_a_limit_and_are_drawn_by_lot() -> None:
    pauses = {attempt: [db.backoff(attempt) for _ in range(100)] for attempt in (1, 20)}

    assert max(pauses[1]) <= db.FIRST_PAUSE
    assert max(pauses[20]) <= db.LONGEST_PAUSE
    assert max(pauses[20]) > 10 * db.FIRST_PAUSE
    assert len(set(pauses[20])) > 90


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('FATAL:  password authentication failed for user "me"', "28"),
        ("FATAL:  SASL authentication failed", "28"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", database "db"', "28"),
        ("fe_sendauth: no password supplied", "28"),
        ('FATAL:  role "me" does not exist', "3D000"),
        ('FATAL:  database "db" does not exist', "3D000"),
        ("FATAL:  no such database: db", "3D000"),
        ("FATAL:  sorry, too many clients already", "53300"),
        ("FATAL:  remaining connection slots are reserved for roles with", "53300"),
        ('FATAL:  too many connections for database "db"', "53300"),
        ("FATAL:  no more connections allowed (max_client_conn)", "53300"),
        ("FATAL:  the database system is starting up", "57P03"),
        ("FATAL:  pgbouncer cannot connect to server", "57P03"),
        ("FATAL:  server login has been failing, (server_login_retry)", "57P03"),
        ("FATAL:  unsupported startup parameter: options", "0A000"),
        ("SSL error: certificate verify failed", TLS),
        ('server certificate for "a" does not match host name "b"', TLS),
        ("server does not support SSL, but SSL was required", TLS),
        ("channel binding required, but server did not offer an", TLS),
        ("connection refused", LOST),
        ("SSL error: unexpected eof while reading", LOST),
        ("could not translate host name", LOST),
        ("FATAL:  Couldn't connect to compute node", LOST),
    ],
)
def test_reads_the_texts_of_refused_connections(text: str, key: str) -> None:
    error = psycopg.OperationalError(f"connection to server at h failed: {text}")

    assert fault_of(error, timed_out=False) is FAULTS[key]


def test_silence_at_the_deadline_is_a_time_out() -> None:
    error = psycopg.OperationalError("waited long enough")

    assert fault_of(error, timed_out=True) is FAULTS[TIMED_OUT]


@pytest.mark.parametrize(
    "error", [psycopg.errors.UniqueViolation(), psycopg.ProgrammingError("can't adapt")]
)
def test_a_bug_has_no_row_in_the_table(error: psycopg.Error) -> None:
    assert fault_of(error, timed_out=False) is None


def test_every_text_leads_to_a_row() -> None:
    assert set(TEXTS.values()) <= FAULTS.keys()

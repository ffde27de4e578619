"""The time budget, and errors that tests/faults/ can't provoke on a real server."""

import re

import psycopg
import pytest

from taskapi import time_budget
from taskapi.postgres.connection import ATTEMPT_TIMEOUT
from taskapi.postgres.diagnosis import TEXTS, describe, diagnose
from taskapi.postgres.faults import (
    CA_FILE,
    CLIENT_CERTIFICATE,
    FAULTS,
    FORBIDS_WRITES,
    LIMITS,
    LOST,
    NO_ADDRESS,
    REFUSED,
    TIMED_OUT,
    TLS,
    UNREACHABLE,
)
from taskapi.postgres.query import FIRST_PAUSE, LONGEST_PAUSE, backoff
from tests.support.project import ROOT

TEMPLATE = ROOT / "template.yaml"
GATEWAY_TIMEOUT = 30


def test_the_budget_ends_before_the_function_and_that_before_the_gateway() -> None:
    timeouts = re.findall(r"^ +Timeout: (\d+)", TEMPLATE.read_text(), re.MULTILINE)

    assert timeouts
    for timeout in map(int, timeouts):
        assert time_budget.REQUEST_TIMEOUT + 3 < timeout < GATEWAY_TIMEOUT
    assert ATTEMPT_TIMEOUT < time_budget.REQUEST_TIMEOUT


def test_pauses_are_random_and_grow_up_to_a_limit() -> None:
    pauses = {attempt: [backoff(attempt) for _ in range(100)] for attempt in (1, 20)}

    assert max(pauses[1]) <= FIRST_PAUSE
    assert max(pauses[20]) <= LONGEST_PAUSE
    assert max(pauses[20]) > 10 * FIRST_PAUSE
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
        ("Connection refused\n\tIs the server running on that host", REFUSED),
        ("No such file or directory\n\tIs the server running locally", REFUSED),
        ("SSL error: unexpected eof while reading", LOST),
        ('could not translate host name "h" to address: Name unknown', NO_ADDRESS),
        ('root certificate file "/ca.pem" does not exist\nEither provide', CA_FILE),
        ('could not read root certificate file "/ca.pem": no certificate', CA_FILE),
        ("could not load system root certificate paths: none", CA_FILE),
        ('could not open certificate file "/c.pem": Permission', CLIENT_CERTIFICATE),
        ('private key file "/k.pem" has group or world access', CLIENT_CERTIFICATE),
        ('certificate present, but not private key file "/k"', CLIENT_CERTIFICATE),
        ("connection requires a valid client certificate", CLIENT_CERTIFICATE),
        ("SSL error: tlsv13 alert certificate required", CLIENT_CERTIFICATE),
        ("SSL error: tlsv1 alert unknown ca", TLS),
        ("SSL error: wrong version number", TLS),
        ("SSL error: certificate verify failed: certificate has expired", TLS),
        ("FATAL:  SSL required", TLS),
        ('FATAL:  database "certificate" does not exist', "3D000"),
        ('FATAL:  role "SASL" does not exist', "3D000"),
        ('FATAL:  role "me" is not permitted to log in', "28"),
        ("FATAL:  empty password returned by client", "28"),
        ("FATAL:  server login failed: FATAL password authentication failed", "28"),
        ('FATAL:  permission denied for database "db"', "42501"),
        ('FATAL:  unrecognized configuration parameter "x"', "0A000"),
        ("FATAL:  query_wait_timeout", "53300"),
        ("FATAL:  query timeout", "57014"),
        ("FATAL:  idle transaction timeout", "25P03"),
        ("FATAL:  client_idle_timeout", "57P05"),
        ("FATAL:  the database system is in recovery mode", "57P03"),
        ('FATAL:  database "db" is not currently accepting connections', "55"),
        ("ERROR:  Endpoint ID is not specified.", "0A000"),
        ("ERROR:  The requested endpoint could not be found", "3D000"),
        ("ERROR:  Your project has exceeded the compute time quota", "53400"),
        ("FATAL:  Couldn't connect to compute node", LOST),
    ],
)
def test_reads_the_texts_of_refused_connections(text: str, key: str) -> None:
    error = psycopg.OperationalError(f"connection to server at h failed: {text}")

    assert diagnose(error, timed_out=False) is FAULTS[key]


def test_silence_at_the_deadline_is_a_time_out() -> None:
    error = psycopg.OperationalError("waited long enough")

    assert diagnose(error, timed_out=True) is FAULTS[TIMED_OUT]


BUGS = {
    *("01", "02", "03", "09", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22"),
    *("23", "24", "25", "26", "27", "2B", "2D", "2F", "34", "38", "39", "3B", "42"),
    *("44", "HV", "P0"),
}
"""Classes of errors that only a bug in our statements could cause, except for codes
that have a row. 25 is about transactions, and we begin none; 42 is syntax."""


def codes() -> dict[str, type[psycopg.Error]]:
    """Return every SQLSTATE that psycopg knows: all of Postgres's."""
    return {
        error.sqlstate: error
        for error in vars(psycopg.errors).values()
        if isinstance(error, type)
        and issubclass(error, psycopg.Error)
        and error.sqlstate
    }


@pytest.mark.parametrize(("code", "error"), codes().items(), ids=codes())
def test_every_sqlstate_is_either_in_the_table_or_a_bug(
    code: str, error: type[psycopg.Error]
) -> None:
    in_table = bool({code, code[:2]} & FAULTS.keys())

    assert in_table or code[:2] in BUGS
    assert (diagnose(error(), timed_out=False) is not None) == in_table


def test_every_row_has_a_sqlstate_that_exists() -> None:
    known = {*codes(), *(code[:2] for code in codes()), *LIMITS}

    # 72 is Postgres 16's.
    assert {key for key in FAULTS if key[:2].isupper() or key[0].isdigit()} <= (
        known | {"72"}
    )


def test_an_error_of_psycopgs_own_is_a_bug() -> None:
    error = psycopg.ProgrammingError("can't adapt")

    assert diagnose(error, timed_out=False) is None


def test_tells_a_setting_from_a_standby() -> None:
    error = psycopg.errors.ReadOnlySqlTransaction()

    assert diagnose(error, False, forbids_writes=True) is FAULTS[FORBIDS_WRITES]
    assert diagnose(error, False, forbids_writes=False) is FAULTS["25006"]


@pytest.mark.parametrize("key", FAULTS)
def test_callers_read_nothing_about_the_cause(key: str) -> None:
    message = FAULTS[key].message

    assert not re.search(r"DATABASE_URL|role|table|disk|server|TLS|migrat|SQL", message)


def test_a_command_prints_nothing_of_a_failed_connection() -> None:
    error = psycopg.OperationalError('could not translate host name "s3cret"')

    assert describe(error) == "the name of the host in DATABASE_URL has no address"
    assert describe(psycopg.ProgrammingError("s3cret")) == "ProgrammingError"


def test_every_text_has_a_row() -> None:
    assert set(TEXTS.values()) <= FAULTS.keys()


@pytest.mark.parametrize("state", ["25P03", "40003", "57P05"])
def test_a_server_that_has_answered_is_not_called_unreachable(state: str) -> None:
    assert FAULTS[state].message != UNREACHABLE


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_does_not_deny_a_change_that_an_earlier_attempt_may_have_made(
    key: str,
) -> None:
    error = FAULTS[key].to_error(outcome_unknown=True)

    assert (error.status, error.retry_after) == (503, FAULTS[key].retry_after)
    assert "not made" not in error.message
    assert "isn't known" in error.message

"""The checks in `make doctor` of the database at DATABASE_URL and its role."""

import os
from collections.abc import Iterator

import psycopg

from taskapi import time_budget
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.postgres.connection import ATTEMPT_TIMEOUT, connect
from taskapi.postgres.diagnosis import describe

SETTINGS = """
    SELECT current_setting('server_encoding'), setting::bigint / 1000.0,
           to_regclass('tasks') IS NOT NULL AND to_regclass('cursor_keys') IS NOT NULL,
           current_setting('transaction_read_only')::boolean
      FROM pg_settings WHERE name = 'statement_timeout'
"""


def findings() -> Iterator[tuple[str, str]]:
    """Yield a kind and a sentence for each finding; none for `make run`'s own Postgres.

    No sentence quotes DATABASE_URL, or libpq's message about it.
    """
    if not os.environ.get("DATABASE_URL") and not os.environ.get("SECRET_ARN"):
        return
    try:
        with connect(time_budget.clock() + ATTEMPT_TIMEOUT) as connection:
            connection.deadline = time_budget.clock() + ATTEMPT_TIMEOUT
            [row] = connection.execute(SETTINGS).fetchall()
    except SettingsError as error:
        yield "FAILED", f"{error}."
    except ServiceUnavailable as error:
        yield "FAILED", f"{error.message}."
    except psycopg.Error as error:
        yield "FAILED", f"DATABASE_URL doesn't work: {describe(error)}."
    else:
        encoding, seconds, is_migrated, is_read_only = row
        yield "ok", "The database at DATABASE_URL answers."
        if encoding != "UTF8":
            yield "FAILED", f"The database's encoding is {encoding}; it must be UTF8."
        if is_read_only:
            yield (
                "FAILED",
                "Nothing can be written: default_transaction_read_only is on, or this "
                "is a standby.",
            )
        if not is_migrated:
            yield "FAILED", "Tables are missing: make migrate."
        yield timeout(float(seconds))


def timeout(seconds: float) -> tuple[str, str]:
    """Return the finding about the role's statement_timeout; 0 means none."""
    advice = "ALTER ROLE … SET statement_timeout = '8s' is what the API is made for"
    if not seconds:
        return (
            "note",
            "The role has no statement_timeout: a statement that the API gave up, and "
            f"could not cancel, may still be carried out much later; {advice}.",
        )
    if seconds < ATTEMPT_TIMEOUT:
        return (
            "FAILED",
            f"The role's statement_timeout of {seconds:g} s ends statements that the "
            f"API still waits for; {advice}.",
        )
    if seconds > 2 * time_budget.REQUEST_TIMEOUT:
        return (
            "note",
            f"The role's statement_timeout of {seconds:g} s is longer than the API "
            f"ever waits; {advice}.",
        )
    return "ok", f"The role's statement_timeout is {seconds:g} s."

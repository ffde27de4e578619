"""The doctor looks at the database, the role and the role's timeout."""

import pytest

from local import doctor_database


def report(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    monkeypatch.setenv("DATABASE_URL", url)
    return "\n".join(" ".join(found) for found in doctor_database.findings())


TIMEOUTS = {
    "0": "note The role has no statement_timeout",
    "100": "FAILED The role's statement_timeout of 0.1 s ends statements",
    "8s": "ok The role's statement_timeout is 8 s.",
    "1h": "note The role's statement_timeout of 3600 s is longer",
}


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_says_what_the_roles_timeout_does(
    database: str, monkeypatch: pytest.MonkeyPatch, timeout: str
) -> None:
    url = f"{database}&options=-c%20statement_timeout%3D{timeout}"

    assert TIMEOUTS[timeout] in report(monkeypatch, url)


def test_says_that_the_migrations_are_missing(
    new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "FAILED Tables are missing" in report(monkeypatch, new_database)


def test_says_that_the_role_may_only_read(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{database}&options=-c%20default_transaction_read_only%3Don"

    assert "FAILED Nothing can be written" in report(monkeypatch, url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:1/s3cret",
        "postgresql://me:s3/cret@127.0.0.1:1/db",
        "postgresql://me:s3cret@host/db?sslmode=s3cret",
    ],
    ids=["nobody listens", "a slash in the password", "a bad value"],
)
def test_prints_nothing_of_a_url_that_does_not_work(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    found = report(monkeypatch, url)

    assert found.startswith("FAILED DATABASE_URL")
    assert "s3" not in found


def test_says_nothing_where_make_run_has_its_own_postgres(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert report(monkeypatch, "") == ""

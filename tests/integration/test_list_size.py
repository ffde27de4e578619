"""The largest list and summary, and how Postgres reads lists."""

import importlib
import json
from typing import Any

import psycopg
import pytest

from benchmarks.data import fill
from benchmarks.plans import every_fault
from local.direct import CONTEXT, ROUTES, event, token, user_event
from taskapi.postgres.migrate import migrate
from taskapi.tasks.summary import MOST_TAGS
from tests.support.api import Client
from tests.support.largest import LAMBDA_LIMIT, largest_tags, user_with_largest_tasks

handler = importlib.import_module("functions.list_tasks.app").handler
summarize = importlib.import_module("functions.summarize_tasks.app").handler


WORST = {
    "four bytes each": "🎉",
    "quotes": '"',
    "backslashes": "\\",
    "line feeds": "\n",
    "line separators": "\u2028",
}


@pytest.mark.parametrize("character", WORST.values(), ids=WORST)
def test_the_largest_list_fits_into_lambda(
    database: str,
    postgres: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    character: str,
) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    user = user_with_largest_tasks(postgres, character, 200)
    sent = event(
        ROUTES["list_tasks"],
        path={"user_id": user.user_id},
        query={"sort": "title", "order": "desc", "search": "🎉" * 200},
        headers={"authorization": f"Bearer {token(user.user_id)}"},
    )

    response = handler(sent, CONTEXT)

    assert len(json.loads(response["body"])) == 200
    assert response["headers"]["link"]
    assert len(marshaller.to_json(response).encode()) < LAMBDA_LIMIT


@pytest.mark.parametrize("character", WORST.values(), ids=WORST)
def test_the_largest_summary_fits_into_lambda(
    user: Client, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    sent = user_event(user.user_id, "summarize_tasks")
    without = len(marshaller.to_json(summarize(sent, CONTEXT)).encode())
    user.create(tags=largest_tags(character))

    response = summarize(sent, CONTEXT)

    tags = json.loads(response["body"])["tags"]
    assert len(tags) == 20
    size_of_tags = len(marshaller.to_json(response).encode()) - without
    assert without + size_of_tags / len(tags) * MOST_TAGS < LAMBDA_LIMIT


@pytest.mark.parametrize("write", ["create", "update"])
def test_a_long_description_is_stored_uncompressed(
    user: Client, postgres: psycopg.Connection[Any], write: str
) -> None:
    task = user.create(description="a" * 5000 if write == "create" else "short")
    if write == "update":
        user.send("update_task", task["id"], json_body={"description": "a" * 5000})

    stored = postgres.execute(
        "SELECT pg_column_size(description), pg_column_compression(description)"
        " FROM tasks WHERE id = %s",
        (task["id"],),
    ).fetchone()

    assert stored == (5000, None)


@pytest.mark.parametrize("analyze", [True, False], ids=["analyzed", "a new database"])
def test_a_flat_list_reads_a_page_and_no_list_reads_others_tasks(
    new_database: str, analyze: bool
) -> None:
    migrate(new_database)
    with psycopg.connect(new_database, autocommit=True) as connection:
        connection.prepare_threshold = None
        fill(connection, rows=20_000, users=50, big=5_000, old=300, analyze=analyze)

        bad = {
            name: found
            for user_id in ("big", "open", "user 7")
            for name, found in every_fault(connection, user_id)
            if found
        }

    assert bad == {}

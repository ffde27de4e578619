"""Statements that Postgres has prepared, and what makes it forget or refuse them."""

from collections.abc import Iterator

import psycopg
import pytest

from taskapi.postgres import execute
from tests.support.connections import kept_connection
from tests.support.faults import DATABASE, Api


def run_on_its_connection(sql: str) -> list[tuple[object, ...]]:
    """Run a statement on the connection that the functions keep."""
    cursor = kept_connection().execute(sql.encode())
    return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("function", ["get_task", "list_tasks", "complete_task"])
def test_postgres_keeps_the_plans_of_usual_statements(api: Api, function: str) -> None:
    id = None if function == "list_tasks" else api.create()["id"]
    # Postgres plans the first five anew; the first list also reads the cursors' key.
    for _ in range(7):
        api.send(function, id)

    [(plans,)] = run_on_its_connection(
        "SELECT max(generic_plans) FROM pg_prepared_statements"
    )
    assert plans in (1, 2)


def test_a_list_with_conditions_is_planned_for_their_values(api: Api) -> None:
    api.send("list_tasks")
    api.proxy.reset()

    for _ in range(2):
        api.send("list_tasks", query={"priority": "high"})

    assert api.proxy.bursts == ["PBDES", "PBDES"]


def test_one_connection_prepares_a_limited_number(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = api.create()["id"]
    monkeypatch.setattr(execute, "MOST_PLANS", 1)

    api.proxy.reset()
    api.send("get_task", id)

    assert api.proxy.bursts == ["PBDES"]


@pytest.fixture(params=["deallocated", "another type"])
def refused(request: pytest.FixtureRequest, api: Api) -> Iterator[Api]:
    """Return the functions whose prepared statements Postgres refuses."""
    id = api.create()["id"]
    for function in ("get_task", "complete_task", "list_tasks"):
        api.send(function, id if "list" not in function else None)
    if request.param == "deallocated":
        run_on_its_connection("DEALLOCATE ALL")
        yield api
        return
    change = "ALTER TABLE tasks ALTER time_zone TYPE {}"
    api.postgres.execute(change.format("varchar"), DATABASE)
    yield api
    api.postgres.execute(change.format("text"), DATABASE)


def test_a_refused_statement_is_sent_without_its_name(refused: Api) -> None:
    [id] = refused.rows()
    refused.proxy.reset()

    toggled = refused.send("complete_task", id)
    answer = refused.send("get_task", id)

    assert refused.proxy.bursts == ["BDES", "PBDES", "PBDES"]
    assert (toggled.status, answer.status) == (200, 200)
    assert refused.rows()[id] == ("Buy groceries", False, 3)
    assert refused.faults == []


def test_a_pooler_may_lend_another_connection(pooled: Api) -> None:
    id = pooled.create()["id"]
    pooled.send("complete_task", id)
    url = pooled.proxy.url(DATABASE)

    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute("SELECT")
        second.execute("SELECT")
        answer = pooled.send("complete_task", id)

    assert answer.status == 200, answer.text
    assert pooled.rows()[id] == ("Buy groceries", False, 3)
    assert pooled.faults == []


def test_a_kept_plan_follows_the_search_path(api: Api) -> None:
    id = api.create()["id"]
    for _ in range(7):
        api.send("get_task", id)
    run_on_its_connection("CREATE SCHEMA other")
    run_on_its_connection("CREATE TABLE other.tasks (LIKE tasks)")
    run_on_its_connection("SET search_path = other, public")

    answer = api.send("get_task", id)

    run_on_its_connection("DROP SCHEMA other CASCADE")
    assert answer.status == 404


def test_a_name_stands_for_one_statement() -> None:
    same = execute.name_of(b"SELECT $1", (20,))

    assert same == execute.name_of(b"SELECT $1", (20,))
    assert same != execute.name_of(b"SELECT $1", (23,))
    assert same != execute.name_of(b"SELECT $1 ", (20,))

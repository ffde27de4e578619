"""Settings that a role or a database may have: none of them changes an answer."""

from collections.abc import Callable

import pytest

from local.direct import Answer
from tests.support.faults import Api, become

SETTINGS = {
    "text and formats": {
        "client_encoding": "'LATIN1'",
        "DateStyle": "'German, DMY'",
        "IntervalStyle": "'sql_standard'",
        "TimeZone": "'Asia/Kathmandu'",
        "bytea_output": "'escape'",
        "extra_float_digits": "-15",
        "standard_conforming_strings": "off",
        "backslash_quote": "off",
        "escape_string_warning": "on",
        "quote_all_identifiers": "on",
        "array_nulls": "off",
        "transform_null_equals": "on",
        "lc_time": "'C'",
        "lc_messages": "'C'",
        "client_min_messages": "'debug5'",
        "xmloption": "'document'",
    },
    "serializable": {"default_transaction_isolation": "'serializable'"},
    "repeatable read": {
        "default_transaction_isolation": "'repeatable read'",
        "default_transaction_deferrable": "on",
    },
    "planner": {
        "plan_cache_mode": "'force_generic_plan'",
        "enable_indexscan": "off",
        "enable_nestloop": "off",
        "enable_seqscan": "off",
        "debug_parallel_query": "on",
        "jit_above_cost": "0",
        "work_mem": "'64kB'",
        "default_statistics_target": "1",
        "geqo": "off",
    },
    "schema and storage": {
        "search_path": '"$user", public, pg_catalog',
        "row_security": "off",
        "check_function_bodies": "off",
        "synchronous_commit": "off",
        "default_toast_compression": "'pglz'",
    },
    "timeouts": {
        "statement_timeout": "'8s'",
        "idle_session_timeout": "'1h'",
        "idle_in_transaction_session_timeout": "'1s'",
        "transaction_timeout": "'8s'",
    },
}

TEXT = "Straße, 你好, 🎉 and \\ ' \" %_ é"


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_answers_as_usual(
    api: Api, role: Callable[[str], str], settings: dict[str, str]
) -> None:
    name = role("LOGIN")
    for setting, value in settings.items():
        api.postgres.execute(f"ALTER ROLE {name} SET {setting} = {value}")
    become(api, name)

    answers = every_operation(api)

    assert {name: answer.status for name, answer in answers.items()} == {
        "create": 201,
        "again": 201,
        "get": 200,
        "update": 200,
        "outdated": 412,
        "complete": 200,
        "list": 200,
        "next": 200,
        "batch": 200,
        "summary": 200,
        "delete": 204,
        "trash": 200,
        "restore": 200,
        "changes": 200,
        "clear": 200,
        "empty": 204,
        "erase": 204,
    }
    assert answers["again"].json == answers["create"].json == answers["get"].json
    assert answers["create"].json["title"] == TEXT
    assert [task["title"] for task in answers["list"].json] == [TEXT]
    assert answers["create"].json["created_at"].endswith("Z")
    toggled, failed, again = answers["batch"].json["results"]
    assert [toggled["status"], failed["status"], again["status"]] == [200, 412, 200]
    assert failed["details"]["task"] == toggled["task"]
    assert again["task"]["completed"]
    assert answers["summary"].json["completed"] == 1
    deleted, restored = answers["trash"].json[0], answers["restore"].json
    written = dict.fromkeys(("etag", "updated_at", "deleted_at"))
    assert restored | written == deleted | written == again["task"] | written
    assert answers["changes"].json["changes"][-1]["task"] == restored
    assert answers["clear"].json == {"deleted": 1}
    assert api.faults == []


def every_operation(api: Api) -> dict[str, Answer]:
    """Send a request to each function, on two tasks; return the answers by name."""
    key = {"idempotency-key": "key"}
    body = {"title": TEXT, "description": TEXT}
    created = api.send("create_task", json_body=body, headers=key)
    answers = {"create": created}
    answers["again"] = api.send("create_task", json_body=body, headers=key)
    id, tag = created.json["id"], {"if-match": created.headers["etag"]}
    answers["get"] = api.send("get_task", id)
    api.create("Aa")
    change = {"description": "new"}
    answers["update"] = api.send("update_task", id, json_body=change, headers=tag)
    answers["outdated"] = api.send("update_task", id, json_body=change, headers=tag)
    answers["complete"] = api.send("complete_task", id)
    search = {"search": "STRASSE, 你", "sort": "updated"}
    answers["list"] = api.send("list_tasks", query=search)
    first = api.send("list_tasks", query="limit=1&order=asc")
    following = first.headers["link"].partition("?")[2].partition(">")[0]
    answers["next"] = api.send("list_tasks", query=following)
    toggle = {"op": "complete", "id": id}
    operations = [toggle, {**toggle, "if_match": created.headers["etag"]}, toggle]
    answers["batch"] = api.send("batch_tasks", json_body={"operations": operations})
    answers["summary"] = api.send("summarize_tasks")
    answers["delete"] = api.send("delete_task", id)
    answers["trash"] = api.send("list_trash")
    answers["restore"] = api.send("restore_task", id)
    answers["changes"] = api.send("list_changes")
    answers["clear"] = api.send("clear_completed", query="status=completed")
    answers["empty"] = api.send("empty_trash")
    answers["erase"] = api.send("erase_user")
    return answers


LIMITS = {
    "statement_timeout": ("'1ms'", "the statement was cancelled by a server's timeout"),
    "transaction_timeout": (
        "'1ms'",
        "the transaction was ended by the server's transaction_timeout",
    ),
    "search_path": ("'pg_catalog'", "a table is missing; apply the migrations"),
}


@pytest.mark.parametrize("setting", LIMITS)
def test_a_setting_that_makes_it_impossible_is_called_what_it_is(
    api: Api, role: Callable[[str], str], setting: str
) -> None:
    value, meaning = LIMITS[setting]
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET {setting} = {value}")
    become(api, name)
    api.postgres.execute(
        f"INSERT INTO tasks (user_id, title) SELECT '{api.client.user_id}', 'a' || n"
        " FROM generate_series(1, 20000) n",
        "faults",
    )

    answer = api.send("list_tasks", query={"search": "b"})

    assert answer.status == 503, answer.text
    # On a busy machine, connecting may exceed the limit as well.
    [*_, fault] = api.faults
    assert fault["message"].startswith(meaning)

"""The values that a task's fields may have."""

import pytest

from taskapi.tasks.fields import RULES
from tests.support.api import Client
from tests.support.contract import TITLE_RULE, TITLE_TYPE

TITLE = TITLE_RULE["message"]
BAD_TITLES = {
    "missing": ({}, TITLE),
    "null": ({"title": None}, f"{TITLE_TYPE}, not null"),
    "empty": ({"title": ""}, TITLE),
    "blank": ({"title": " \t\n\u2003"}, TITLE),
    "a number": ({"title": 123}, f"{TITLE_TYPE}, not a number"),
    "a decimal": ({"title": 1.5}, f"{TITLE_TYPE}, not a number"),
    "a boolean": ({"title": True}, f"{TITLE_TYPE}, not a boolean"),
    "a list": ({"title": ["a"]}, f"{TITLE_TYPE}, not an array"),
    "an object": ({"title": {"text": "a"}}, f"{TITLE_TYPE}, not an object"),
    "201 characters": ({"title": "x" * 201}, TITLE),
    "201 emoji": ({"title": "🎉" * 201}, TITLE),
}


@pytest.mark.parametrize(("body", "message"), BAD_TITLES.values(), ids=BAD_TITLES)
def test_refuses_a_bad_title(
    user: Client, body: dict[str, object], message: object
) -> None:
    created = user.send("create_task", json_body=body)

    assert (created.status, created.json) == (422, TITLE_RULE | {"message": message})
    if body:
        changed = user.send("update_task", 1, json_body=body)
        assert (changed.status, changed.json) == (created.status, created.json)


@pytest.mark.parametrize(
    "title", ["x", "x" * 200, "🎉" * 200, "%_\\", "ñ", "e\u0301", "\u202e", "'; --"]
)
def test_keeps_a_title_to_the_letter(user: Client, title: str) -> None:
    task = user.create(f" \u00a0{title}\u3000 ")

    assert task["title"] == title
    assert user.send("get_task", task["id"]).json["title"] == title


BAD_CHARACTERS = {
    "NUL": ("\x00", "control characters", "no controls"),
    "bell": ("\x07", "control characters", "no controls"),
    "delete": ("\x7f", "control characters", "no controls"),
    "C1": ("\x9b", "control characters", "no controls"),
    "lone surrogate": ("\ud800", "lone surrogates", "no surrogates"),
    "swapped surrogates": ("\udc00\ud800", "lone surrogates", "no surrogates"),
}


@pytest.mark.parametrize("function", ["create_task", "update_task"])
@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize(
    ("characters", "name", "constraint"), BAD_CHARACTERS.values(), ids=BAD_CHARACTERS
)
def test_refuses_bad_characters(
    user: Client, function: str, field: str, characters: str, name: str, constraint: str
) -> None:
    body = {"title": "a", field: f"a{characters}b"}

    answer = user.send(function, {"update_task": 1}.get(function), json_body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"{field.capitalize()} must not contain {name}",
        "details": {"field": field, "constraint": constraint},
    }


def test_a_title_is_one_line(user: Client) -> None:
    answer = user.send("create_task", json_body={"title": "a\nb"})

    assert answer.json["message"] == "Title must not contain control characters"


BAD_DESCRIPTIONS = {
    "5001 characters": ("x" * 5001, ""),
    "a number": (1, ", not a number"),
    "a boolean": (True, ", not a boolean"),
    "an array": (["a"], ", not an array"),
    "an object": ({}, ", not an object"),
}


@pytest.mark.parametrize(
    ("description", "sent"), BAD_DESCRIPTIONS.values(), ids=BAD_DESCRIPTIONS
)
@pytest.mark.parametrize("function", ["create_task", "update_task"])
def test_refuses_a_bad_description(
    user: Client, function: str, description: object, sent: str
) -> None:
    body = {"title": "a", "description": description}

    answer = user.send(function, {"update_task": 1}.get(function), json_body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"Description must be null or text of at most 5000 characters{sent}",
        "details": {"field": "description", "constraint": "max_length=5000"},
    }


def test_takes_the_longest_description(user: Client) -> None:
    assert user.create("a", description="🎉" * 5000)["description"] == "🎉" * 5000


BAD_COMPLETED = {
    "zero": (0, "a number"),
    "one": (1, "a number"),
    "one point zero": (1.0, "a number"),
    "true in quotes": ("true", "text"),
    "nothing in quotes": ("", "text"),
    "null": (None, "null"),
    "an array": ([], "an array"),
    "an object": ({}, "an object"),
}


@pytest.mark.parametrize(
    ("completed", "sent"), BAD_COMPLETED.values(), ids=BAD_COMPLETED
)
@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
def test_completed_is_a_boolean_and_nothing_else(
    user: Client, function: str, completed: object, sent: str
) -> None:
    task = user.create()
    body = {"title": "a", "completed": completed}

    answer = user.send(
        function, None if function == "create_task" else task["id"], json_body=body
    )

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"Completed must be a JSON boolean, true or false, not {sent}",
        "details": {"field": "completed", "constraint": "boolean"},
    }


@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("null", "null"),
        ("[]", "an array"),
        ("1", "a number"),
        (r'"{\"title\": \"Made JSON twice\"}"', "text"),
        ("true", "a boolean"),
        ('[{"a": 1}]', "an array"),
    ],
)
def test_a_body_is_an_object(user: Client, function: str, body: str, sent: str) -> None:
    answer = user.send(function, {"create_task": None}.get(function, 1), body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"The body must be a JSON object, not {sent}",
        "details": {"field": "body", "constraint": "object"},
    }


@pytest.mark.parametrize("body", [{}, {"id": 1, "user_id": "x", "created_at": None}])
def test_an_update_changes_something(user: Client, body: dict[str, object]) -> None:
    *names, last = RULES
    listed = ", ".join(names)

    answer = user.send("update_task", user.create()["id"], json_body=body)

    assert listed.startswith("title, description")
    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"At least one of {listed} and {last} must be sent",
        "details": {"field": "body", "constraint": f"{listed} or {last}"},
    }


def test_lists_every_invalid_field(user: Client) -> None:
    answer = user.send("create_task", json_body={"title": "", "completed": "yes"})

    assert answer.json["message"] == TITLE_RULE["message"]
    assert answer.json["details"] == {
        "field": "title",
        "constraint": "min_length=1, max_length=200",
        "errors": [
            {
                "field": "title",
                "constraint": "min_length=1, max_length=200",
                "message": "Title is required and must be between 1 and 200 characters",
            },
            {
                "field": "completed",
                "constraint": "boolean",
                "message": "Completed must be a JSON boolean, true or false, not text",
            },
        ],
    }


def test_ignores_unknown_fields_and_parameters(user: Client) -> None:
    answer = user.send("list_tasks", query={"page": "2", "user_id": "x"})

    assert user.create("a", priority="high", user_id="x", id=-1)["title"] == "a"
    assert answer.status == 200

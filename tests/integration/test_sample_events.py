"""The files of events/ are up to date, and their functions answer with a success."""

import json
import uuid

import pytest

from local.direct import ROUTES, token
from local.sample_events import FOLDER, TOKEN, sample_events, text
from tests.support.api import Client, invoke


@pytest.mark.parametrize("name", ROUTES)
def test_a_file_is_as_the_gateway_makes_it(name: str) -> None:
    file = FOLDER / f"{name}.json"

    assert file.is_file(), "run: make events"
    written = file.read_text(encoding="utf-8")
    assert written == text(sample_events()[name]), "run: make events"


def test_there_is_no_file_of_another_function() -> None:
    assert {file.stem for file in FOLDER.iterdir()} <= ROUTES.keys()


@pytest.mark.parametrize("name", ROUTES)
def test_a_function_answers_its_event_with_a_success(name: str, user: Client) -> None:
    written = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    # Another user each time, to be alone with the task.
    user_id = f"demo{uuid.uuid4().hex}"
    task = Client(user_id).create()
    sent = json.loads(written.replace(f"Bearer {TOKEN}", f"Bearer {token(user_id)}"))
    if "pathParameters" in sent:
        sent["pathParameters"]["user_id"] = user_id
    if "task_id" in sent.get("pathParameters", {}):
        sent["pathParameters"]["task_id"] = str(task["id"])

    answer = invoke(name, sent)

    assert 200 <= answer.status < 300, answer.text

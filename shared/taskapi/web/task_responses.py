"""Responses that hold one task, and what openapi.json says about each."""

from taskapi.cold_start.framework import Response
from taskapi.tasks.etags import matches
from taskapi.tasks.fields import Task
from taskapi.web.documentation import ref, response
from taskapi.web.event import percent_encode
from taskapi.web.responses import json_response

TASK = response(200, "The task.", ref("Task"), "ETag")


def task_response(task: Task) -> Response:
    """Return 200 with the task and its ETag."""
    return json_response(task, headers={"etag": task["etag"]})


COMPLETED = response(200, "The task.", ref("CompletedTask"), "ETag")


def completed_response(task: Task, next_task: Task | None) -> Response:
    """Return 200 with the task and its ETag, and the next one of a recurring task."""
    return json_response(
        {**task, "next_task": next_task}, headers={"etag": task["etag"]}
    )


TASK_OR_304 = TASK | response(304, "The task is as If-None-Match has it.", None, "ETag")


def task_or_304(task: Task, if_none_match: str | None) -> Response:
    """Return 304 if the caller has this version already, else task_response()."""
    if matches(if_none_match, task["etag"]):
        return Response(status_code=304, headers={"etag": task["etag"]})
    return task_response(task)


CREATED = response(
    201, "The task.", ref("Task"), "ETag", "Location", "Idempotent-Replayed"
)


def created_response(task: Task, replayed: bool) -> Response:
    """Return 201 with the new task, its path, and whether this is a replay."""
    headers = {
        "location": f"/api/{percent_encode(task['user_id'])}/tasks/{task['id']}",
        "etag": task["etag"],
    }
    if replayed:
        headers["idempotent-replayed"] = "true"
    return json_response(task, 201, headers)


DELETED = response(204, "The task is in the trash.")


def no_content() -> Response:
    """Return 204."""
    return Response(status_code=204)

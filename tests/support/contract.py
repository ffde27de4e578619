"""Values that the API's contract uses in many places."""

from local.direct import ROUTES

TITLE_RULE = {
    "error": "validation_error",
    "message": "Title is required and must be between 1 and 200 characters",
    "details": {"field": "title", "constraint": "min_length=1, max_length=200"},
}
NOT_FOUND = {"error": "not_found", "message": "Task not found"}
TASK_FUNCTIONS = [name for name in ROUTES if name != "health"]
ONE_TASK_FUNCTIONS = ["get_task", "update_task", "complete_task", "delete_task"]


TITLE_TYPE = "Title must be text of 1 to 200 characters"

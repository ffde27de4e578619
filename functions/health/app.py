"""GET and HEAD /health: say that the API is up, without waking the database."""

from taskapi.cold_start.framework import Response
from taskapi.web.app import create_app
from taskapi.web.documentation import response
from taskapi.web.handler import lambda_handler
from taskapi.web.responses import json_response

app = create_app()

BODY = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "ok"}},
}
UP = response(200, "The API is up.", BODY, examples={"ok": {"status": "ok"}})


@app.get("/health", responses=UP)
@app.head("/health", responses=UP)
async def health() -> Response:
    """Needs no token, and asks nothing of the database."""
    return json_response({"status": "ok"})


handler = lambda_handler(app)

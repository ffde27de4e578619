"""GET and HEAD /health: say that the API is up, without waking the database."""

from taskapi.cold_start.framework import Response
from taskapi.web.app import create_app
from taskapi.web.handler import lambda_handler
from taskapi.web.responses import json_response

app = create_app()


@app.get("/health")
@app.head("/health")
async def health() -> Response:
    return json_response({"status": "ok"})


handler = lambda_handler(app)

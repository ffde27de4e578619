"""GET and HEAD /health: say that the API is up, without waking the database."""

from taskapi.cold_start.framework import Response
from taskapi.web.handler import create_app, json_response, lambda_handler

app = create_app()


@app.get("/health")
@app.head("/health")
async def health() -> Response:
    return json_response({"status": "ok"})


handler = lambda_handler(app)

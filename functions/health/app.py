"""GET and HEAD /health: say that the API is up, without waking the database."""

from taskapi.framework import Response
from taskapi.http import create_app, json_response, lambda_handler

app = create_app()


@app.get("/health")
@app.head("/health")
async def health() -> Response:
    return json_response({"status": "ok"})


handler = lambda_handler(app)

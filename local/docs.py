"""`/openapi.json` and `/docs` on the local gateway; API Gateway has neither."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from local.tokens import development_token

PATHS = ("/openapi.json", "/docs")
HOSTS = ("127.0.0.1", "localhost")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tasks: the API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
const token = %(token)s;
const docs = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  tryItOutEnabled: true,
  onComplete: () => token && docs.preauthorizeApiKey("bearer", token),
});
</script>
"""


class WithDocs:
    """Serves the documentation, and leaves everything else to `api`."""

    def __init__(self, api: ASGIApp, root: Path) -> None:
        """root: of the project that the document is made from."""
        self._api = api
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        ours = path in PATHS or path.startswith("/docs/assets/")
        if scope["type"] == "http" and ours and scope["method"] in ("GET", "HEAD"):
            await self._docs(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    @cached_property
    def _docs(self) -> ASGIApp:
        # A page of another site whose name leads here must not read a token.
        return TrustedHostMiddleware(Starlette(routes=_routes(self._root)), HOSTS)


def _routes(root: Path) -> list[BaseRoute]:
    async def document(request: Request) -> Response:
        described = await current_document(root)
        here = {"url": str(request.base_url).rstrip("/"), "description": "make run"}
        return JSONResponse({**described, "servers": [here]})

    async def page(request: Request) -> Response:
        secret = os.environ.get("BETTER_AUTH_SECRET")
        token = development_token("demo", secret) if secret else None
        content = PAGE % {"token": json.dumps(token)}
        return HTMLResponse(content, headers={"cache-control": "no-store"})

    assets = StaticFiles(packages=[("fastapi_swagger", "resources")])
    return [
        Route("/openapi.json", document),
        Route("/docs", page),
        Mount("/docs/assets", assets),
    ]


async def current_document(root: Path) -> Mapping[str, object]:
    """Return what the functions say now: in a process of its own, as they change."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.openapi"),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate()
    document: dict[str, object] = json.loads(written)
    return document

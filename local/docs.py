"""`/openapi.json` and `/docs` on the local gateway; API Gateway has neither."""

import asyncio
import json
import sys
from collections.abc import Mapping
from functools import cached_property
from html import escape
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from local import cors
from local.page_headers import page_headers
from local.pool import SourceVersion, source_version
from local.project import local_template
from local.tokens import development_token

PATHS = ("/openapi.json", "/docs")
HOSTS = ("127.0.0.1", "localhost")
SOURCES = ("functions", "local", "shared")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tasks: the API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<div id="docs" data-token="%(token)s"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
const { token } = document.getElementById("docs").dataset;
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

    def __init__(self, api: ASGIApp, root: Path, secret: str | None) -> None:
        """root: of the project that the document is made from.

        secret: signs the token that is filled in; without it, none is.
        """
        self._api = api
        self._root = root
        self._secret = secret

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
        return TrustedHostMiddleware(self._app(), HOSTS)

    def _app(self) -> ASGIApp:
        return Starlette(routes=_routes(self._root, self._secret))


def _routes(root: Path, secret: str | None) -> list[BaseRoute]:
    current = CurrentDocument(root)
    allowed = local_template(root / "template.yaml").cors

    async def document(request: Request) -> Response:
        origin = request.headers.get("origin", "")
        shared = cors.response_headers(allowed, origin) if allowed and origin else []
        if is_from_another_site(request) and not shared:
            text = "Pages of other sites can't read this; see ALLOWED_ORIGINS.\n"
            return PlainTextResponse(text, HTTPStatus.FORBIDDEN)
        described = await current.read()
        if described is None:
            text = "The document can't be made: the terminal of make run says why.\n"
            return PlainTextResponse(text, HTTPStatus.INTERNAL_SERVER_ERROR)
        here = {"url": str(request.base_url).rstrip("/"), "description": "make run"}
        headers = {"x-content-type-options": "nosniff", **dict(shared)}
        return JSONResponse({**described, "servers": [here]}, headers=headers)

    async def page(request: Request) -> Response:
        token = development_token("demo", secret) if secret else ""
        return HTMLResponse(PAGE % {"token": escape(token)}, headers=page_headers(PAGE))

    assets = StaticFiles(packages=[("fastapi_swagger", "resources")])
    return [
        Route("/openapi.json", document),
        Route("/docs", page),
        Mount("/docs/assets", assets),
    ]


def is_from_another_site(request: Request) -> bool:
    """Whether a page of another origin makes the browser ask; programs don't say."""
    site = request.headers.get("sec-fetch-site")
    return site == "cross-site" or (
        site != "same-origin" and "origin" in request.headers
    )


class CurrentDocument:
    """The document that the functions in `root` describe, made again when they change.

    A process of its own makes it, so that it has the code as it is on disk now; never
    more than one at a time, however many requests come in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = asyncio.Lock()
        self._version: tuple[SourceVersion, int] | None = None
        self._document: Mapping[str, object] | None = None

    async def read(self) -> Mapping[str, object] | None:
        """Return None where the code is broken; stderr has the traceback."""
        async with self._lock:
            sources = source_version(self._root / name for name in SOURCES)
            template = (self._root / "template.yaml").stat().st_mtime_ns
            version = (sources, template)
            if version != self._version:
                self._document = await made_document(self._root)
                self._version = version
            return self._document


async def made_document(root: Path) -> Mapping[str, object] | None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.openapi"),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        return None
    document: dict[str, object] = json.loads(written)
    return document

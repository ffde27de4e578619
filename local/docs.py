"""`/openapi.json` and `/docs` on the local gateway; API Gateway has neither."""

from functools import cached_property
from html import escape
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local import cors
from local.page_headers import page_headers
from local.project import local_template
from local.tokens import development_token
from openapi.docs import PAGE, CurrentDocument, assets

PATHS = ("/openapi.json", "/docs")
HOSTS = ("127.0.0.1", "localhost")


class WithDocs:
    """Serves the documentation, and passes all other requests to `api`."""

    def __init__(self, api: ASGIApp, root: Path, secret: str | None) -> None:
        """root: the project's. secret: signs the page's token; without it, the page has
        no token.
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
        # A site whose name resolves to this machine must not read the token.
        app = Starlette(routes=docs_routes(self._root, self._secret))
        return TrustedHostMiddleware(app, HOSTS)


def docs_routes(root: Path, secret: str | None) -> list[BaseRoute]:
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

    return [
        Route("/openapi.json", document),
        Route("/docs", page),
        Mount("/docs/assets", assets()),
    ]


def is_from_another_site(request: Request) -> bool:
    """Return whether a page of another origin sent this; only browsers say so."""
    site = request.headers.get("sec-fetch-site")
    return site == "cross-site" or (
        site != "same-origin" and "origin" in request.headers
    )

"""`make run`: the API on this machine, with all that it needs."""

import logging.config
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import NoReturn

import psycopg
import uvicorn
from dotenv import load_dotenv

from local import cors
from local.docs import WithDocs
from local.gateway import Gateway, server_config
from local.page_server import PageServer, PortTaken
from local.postgres import data_folder, embedded_postgres_url
from local.template import TemplateError, load_template
from local.tokens import (
    LOCAL,
    ROOT,
    WHENCE,
    development_secret,
    development_secret_in_use,
    development_token,
    is_configured,
)
from taskapi import migrate, settings
from taskapi.errors import SettingsError

HOST = "127.0.0.1"

# A line for each request, and nothing about uvicorn itself but its troubles.
ACCESS_LOG = {
    **uvicorn.config.LOGGING_CONFIG,
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "WARNING"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}


class CannotRun(Exception):
    """The message is one line that says what to do about it."""


def main() -> int:
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    load_dotenv(ROOT / ".env")
    try:
        _run()
    except (CannotRun, SettingsError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave through every `finally`, so that all that was started is stopped."""
    sys.exit(0)


def _run() -> None:
    port, page_port = _port("PORT", 8000), _port("PAGE_PORT", 5173)
    with _listener(port) as listener, _database() as database_url:
        _settle_authentication()
        settings.database_url()
        settings.better_auth()
        _migrate(database_url)
        secret = development_secret_in_use()
        _serve(listener, _page(page_port, secret), secret)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CannotRun(f"{name} must be a number from 1 to 65535, not {text!r}.")


@contextmanager
def _listener(port: int) -> Iterator[socket.socket]:
    """Take the port first of all, to say at once when it is taken."""
    with socket.socket() as listener:
        # As servers do: else the port would stay taken for a minute after a stop.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            other = port + 1 if port < 65535 else 8000
            raise CannotRun(
                f"Port {port} is taken ({error.strerror}); "
                f"try another one: PORT={other} make run"
            ) from error
        yield listener


@contextmanager
def _database() -> Iterator[str]:
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    _say("Starting Postgres ...")
    with embedded_postgres_url(data_folder(LOCAL)) as url:
        os.environ["DATABASE_URL"] = url
        yield url


def _migrate(database_url: str) -> None:
    _say("Migrating the database ...")
    try:
        for name in migrate.migrate(database_url):
            _say(f"  {name}")
    except psycopg.Error as error:
        problem = " ".join(str(error).split())
        raise CannotRun(f"The database can't be migrated: {problem}") from error


def _settle_authentication() -> None:
    if not is_configured():
        os.environ["BETTER_AUTH_SECRET"] = development_secret(LOCAL)


def _page(port: int, secret: str | None) -> PageServer | None:
    """Take the page's port, or else any other, and see to it that CORS lets it in.

    Where ALLOWED_ORIGINS is set, it alone says who may come in. Without a secret there
    are no tokens for a page.
    """
    if not secret:
        return None
    try:
        page = PageServer(port)
    except PortTaken:
        page = PageServer(0)
        _say(f"Port {port} is taken, so the page gets another (PAGE_PORT sets it).")
    given = os.environ.get("ALLOWED_ORIGINS")
    configured = load_template(ROOT / "template.yaml", given).cors
    if configured is None or cors.response_headers(configured, page.origin):
        return page
    if given:
        _say(f"{page.origin} isn't in ALLOWED_ORIGINS, so there is no page.")
        page.server_close()
        return None
    allowed = [*configured.allow_origins, page.origin]
    os.environ["ALLOWED_ORIGINS"] = ",".join(allowed)
    return page


def _serve(
    listener: socket.socket, page: PageServer | None, secret: str | None
) -> None:
    logging.config.dictConfig(ACCESS_LOG)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    config = server_config(WithDocs(Gateway(ROOT), ROOT))
    with page.serving(url, secret) if page and secret else nullcontext():
        welcome = _welcome(url, secret, page.origin if page else None)
        _Server(config, welcome).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, welcome: str) -> None:
        super().__init__(config)
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _say(self._welcome)


def _welcome(url: str, secret: str | None, page: str | None) -> str:
    if not secret:
        return f"\nThe API is at {url}\n{WHENCE}\n"
    look = f"A page to try it with: {page}\n" if page else ""
    token = development_token("demo", secret)
    authorization = f"-H {shlex.quote(f'Authorization: Bearer {token}')}"
    tasks = f"{url}/api/demo/tasks"
    body = shlex.quote('{"title": "Buy groceries"}')
    return f"""
{look}The API is at {url}
Its documentation: {url}/docs

A token for user demo (for others: make token USER=alice):
{token}

Create a task:
curl {tasks} {authorization} -H 'Content-Type: application/json' -d {body}

List the tasks:
curl {tasks} {authorization}
"""


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`make run`: serve the API, its database, documentation and page on this machine.

With arguments, it also runs them as a command, from when the API answers until one of
the two ends: `make example`.
"""

import asyncio
import errno
import ipaddress
import logging.config
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
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
from local.request_log import RequestLog
from local.template import TemplateError, load_template
from local.tokens import (
    LOCAL,
    ROOT,
    development_secret,
    development_secret_in_use,
    is_configured,
)
from local.welcome import welcome_text
from taskapi.errors import SettingsError
from taskapi.postgres import migrate
from taskapi.postgres.diagnosis import describe
from taskapi.settings import environment
from taskapi.settings.better_auth import better_auth

# Frontends often use 3000, 4200, 5173 or 8080, or the ports after these.
PORT, PAGE_PORT = 8000, 8010
# From uvicorn itself only warnings.
UVICORN_LOG = {
    **uvicorn.config.LOGGING_CONFIG,
    "loggers": {"uvicorn": {"handlers": ["default"], "level": "WARNING"}},
}

NO_ADDRESS = "HOST must be an address of this machine: 127.0.0.1, or 0.0.0.0 for all."
OTHERS_REACH_IT = """
Warning: HOST lets other devices in this network reach the API, not only this machine.
{there}Unset HOST when you don't need that. A page that such a device opens has another
origin: list it in ALLOWED_ORIGINS."""
BAD_LOG = "LOG must be json, for what functions log in Lambda, or unset, not {!r}."


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CannotRun(Exception):
    """The message is one line that says what to do."""


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    load_dotenv(ROOT / ".env")
    try:
        return run(sys.argv[1:])
    except (CannotRun, SettingsError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Exit through every `finally`, so that everything started here is stopped."""
    sys.exit(0)


def run(command: list[str]) -> int:
    """Serve until a signal or the end of the command; return the command's status."""
    host = os.environ.get("HOST") or "127.0.0.1"
    port, page_port = read_port("PORT", PORT), read_port("PAGE_PORT", PAGE_PORT)
    log = read_log()
    # Report errors in the template or in ALLOWED_ORIGINS first.
    load_template(ROOT / "template.yaml", os.environ.get("ALLOWED_ORIGINS"))
    typed = "make example" if command else "make run"
    with listen(host, port, typed) as listener, run_database() as database_url:
        set_development_secret()
        environment.database_url()
        better_auth()
        run_migrations(database_url)
        secret = development_secret_in_use()
        return serve(listener, open_page(page_port, secret), secret, log, command)


def read_port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CannotRun(f"{name} must be a number from 1 to 65535, not {text!r}.")


def read_log() -> RequestLog | None:
    """Return what prints readable lines, None for the functions' own JSON."""
    text = os.environ.get("LOG", "")
    if text not in ("", "json"):
        raise CannotRun(BAD_LOG.format(text))
    return None if text else RequestLog()


@contextmanager
def listen(host: str, port: int, typed: str = "make run") -> Iterator[socket.socket]:
    """Listen on the port before anything else, to report at once if it is taken.

    typed: what the user typed, for the message.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise CannotRun(NO_ADDRESS) from error
    with socket.socket(family) as listener:
        # Otherwise the port would stay taken for a minute after a stop.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise CannotRun(NO_ADDRESS) from error
            other = f"PORT={port + 1 if 1023 < port < 65535 else PORT} {typed}"
            raise CannotRun(
                f"Port {port} is taken, perhaps by make run: stop it, or {other}"
                if error.errno == errno.EADDRINUSE
                else f"Port {port} can't be used ({error.strerror}): {other}"
            ) from error
        yield listener


@contextmanager
def run_database() -> Iterator[str]:
    """Yield DATABASE_URL, or run an embedded Postgres and set it."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    say("Starting Postgres ...")
    with embedded_postgres_url(data_folder(LOCAL)) as url:
        os.environ["DATABASE_URL"] = url
        yield url


def run_migrations(database_url: str) -> None:
    say("Migrating the database ...")
    try:
        for name in migrate.migrate(database_url):
            say(f"  {name}")
    except psycopg.Error as error:
        raise CannotRun(
            f"The database can't be migrated: {describe(error)}."
        ) from error


def set_development_secret() -> None:
    """Check tokens with this clone's secret unless something else is set."""
    if not is_configured():
        os.environ["BETTER_AUTH_SECRET"] = development_secret(LOCAL)


def open_page(port: int, secret: str | None) -> PageServer | None:
    """Listen on the page's port, or on a free one if that is taken.

    Return None if there is no secret to make tokens with, or if ALLOWED_ORIGINS is set
    and doesn't list the page.
    """
    if not secret:
        return None
    try:
        page = PageServer(port)
    except PortTaken:
        page = PageServer(0)
        say(f"Port {port} is taken, so the page gets another (PAGE_PORT sets it).")
    given = os.environ.get("ALLOWED_ORIGINS", "").strip()
    configured = load_template(ROOT / "template.yaml", given).cors
    if given and configured and not cors.allows(configured, page.origin):
        say(
            f"{page.origin} isn't in ALLOWED_ORIGINS, so there is no page. "
            "Add it there, or unset ALLOWED_ORIGINS."
        )
        page.server_close()
        return None
    return page


def serve(
    listener: socket.socket,
    page: PageServer | None,
    secret: str | None,
    log: RequestLog | None,
    command: list[str],
) -> int:
    logging.config.dictConfig(UVICORN_LOG)
    address = ipaddress.ip_address(listener.getsockname()[0])
    port = listener.getsockname()[1]
    if not address.is_loopback:
        own = network_address() if address.is_unspecified else str(address)
        there = f"For them it is at http://{own}:{port}.\n" if own else ""
        say(OTHERS_REACH_IT.format(there=there))
    url = f"http://{reachable_host(address)}:{port}"
    gateway = Gateway(ROOT, log=log)
    # The documentation has a token filled in, so don't serve it to the network.
    docs = f"{url}/docs" if address.is_loopback else None
    config = server_config(WithDocs(gateway, ROOT, secret) if docs else gateway)
    with page.serving(url, secret) if page and secret else nullcontext():
        origin = page.origin if page else None
        welcome = partial(welcome_text, url, docs, secret, origin)
        # The command asks the API at this port.
        os.environ["PORT"] = str(port)
        server = ApiServer(config, welcome, command)
        server.run(sockets=[listener])
        return server.status


def network_address() -> str | None:
    """Return this machine's address in its network, None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Chooses the address, and sends nothing (192.0.2.1 is for documentation).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def reachable_host(address: Address) -> str:
    """Return the host to use in a URL that reaches the address from this machine."""
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return str(address) if address.version == 4 else f"[{address}]"


class ApiServer(uvicorn.Server):
    """Print the welcome text once the server answers requests, and for each Enter.

    Then run the command, if there is one.
    """

    def __init__(
        self, config: uvicorn.Config, welcome: Callable[[], str], command: list[str]
    ) -> None:
        super().__init__(config)
        self._welcome = welcome
        self._command = command
        self._running: asyncio.Task[None] | None = None
        self.status = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        say(self._welcome())
        if sys.stdin and sys.stdin.isatty():
            asyncio.get_running_loop().add_reader(sys.stdin, self._print_again)
        if self._command:
            self._running = asyncio.create_task(self._run_command())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
        await super().shutdown(sockets)

    async def _run_command(self) -> None:
        """Stop the server when the command ends; end it when this is cancelled.

        It has a process group, so that a signal reaches its own processes too, and
        Ctrl-C only this one: the command needn't report it.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, process_group=0
        )
        try:
            self.status = await process.wait()
            self.should_exit = True
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGTERM)
                await process.wait()

    def _print_again(self) -> None:
        if not is_in_foreground():
            return
        if sys.stdin.readline():
            say(self._welcome())
        else:
            asyncio.get_running_loop().remove_reader(sys.stdin)


def is_in_foreground() -> bool:
    """Return whether what is typed is for this program, not for the shell."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # It isn't the terminal of a shell that has jobs.
        return True


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

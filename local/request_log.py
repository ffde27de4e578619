"""The lines that `make run` prints: one for each request, and what functions log.

Functions log JSON, as in Lambda. LOG=json shows that instead.
"""

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping
from http import HTTPStatus

from local.events import Answer

LogLine = Mapping[str, object]

REQUEST = "request"
"""The message of the line that a function logs for each request."""

SECONDS_TO_WAIT = 1.0
"""For a function's line. It is written before the answer, but in another pipe."""

SHOWN_KEYS = ("reason", "exception", "sqlstate", "arrived", "expected", "jwks")
"""What a readable line shows of a function's line, besides level and message."""


class RequestLog:
    """Print a line for each request, with the reason that its function logged."""

    def __init__(self) -> None:
        self._lines: dict[str, asyncio.Future[LogLine]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def relay(self, stream: asyncio.StreamReader) -> None:
        """Read what a function's process writes, until the process ends."""
        self._start(self._relay(stream))

    def finish(
        self, name: str, request_id: str, answer: Answer, seconds: float
    ) -> None:
        """Print a request's line as soon as the function's line has arrived.

        name: method and path.
        """
        self._start(self._finish(name, request_id, answer, seconds))

    async def ended(self) -> None:
        """Wait until everything that has arrived is printed."""
        await asyncio.gather(*self._tasks)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, stream: asyncio.StreamReader) -> None:
        async for written in stream:
            text = written.decode(errors="replace").rstrip("\n")
            line = parse(text)
            if line and line.get("message") == REQUEST:
                arrived = self._line_of(str(line.get("request_id")))
                if not arrived.done():
                    arrived.set_result(line)
            else:
                print(describe(line) if line else text, file=sys.stderr, flush=True)

    async def _finish(
        self, name: str, request_id: str, answer: Answer, seconds: float
    ) -> None:
        arrived = self._line_of(request_id)
        from_function = any(key == "x-request-id" for key, _ in answer.headers)
        await asyncio.wait([arrived], timeout=SECONDS_TO_WAIT if from_function else 0)
        del self._lines[request_id]
        line = arrived.result() if arrived.done() else {}
        print(request_line(name, answer, seconds, line), flush=True)

    def _line_of(self, request_id: str) -> asyncio.Future[LogLine]:
        if request_id not in self._lines:
            self._lines[request_id] = asyncio.get_running_loop().create_future()
        return self._lines[request_id]


def parse(text: str) -> LogLine | None:
    """Return a line of the functions' logger, None for any other text."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "message" in line else None


def describe(line: LogLine) -> str:
    """Return a function's line that isn't about a whole request, as a sentence."""
    shown = [str(line[key]) for key in SHOWN_KEYS if key in line]
    return ": ".join([str(line.get("level")), str(line["message"]), *shown])


def request_line(name: str, answer: Answer, seconds: float, line: LogLine) -> str:
    """Return the line of a request; errors have their reason."""
    start = ", cold start" if line.get("cold_start") else ""
    text = f"{name}  {answer.status}  {seconds * 1000:.0f} ms{start}"
    if answer.status < HTTPStatus.BAD_REQUEST:
        return text
    reasons = [message_of(answer), cause_of(line), answer.hint]
    return "  ".join([text, *(reason for reason in reasons if reason)])


def message_of(answer: Answer) -> str:
    """Return the message of an error's body."""
    body = parse(answer.body.decode(errors="replace"))
    return str(body["message"]) if body else ""


def cause_of(line: LogLine) -> str:
    """Return what only the log says of an error: its reason, or where a bug is.

    `jwks` says why the keys that check tokens can't be fetched.
    """
    stack = line.get("stack")
    place = f"at {stack[-1]}" if isinstance(stack, list) and stack else ""
    reason = line.get("reason") or line.get("jwks") or line.get("exception")
    parts = [str(reason or ""), place]
    text = " ".join(part for part in parts if part)
    return f"({text})" if text else ""

"""A TCP proxy that reads the Postgres protocol and breaks it where a test wants."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Direction = Literal["up", "down"]
"""Up: from the client to the server. Down: back."""

ActionKind = Literal["reset", "close", "half-close", "stall", "delay"]

T = TypeVar("T")

SSL_REQUEST = struct.pack("!ii", 8, 80877103)

STALL = 60.0
"""Seconds, unless the client gives up earlier."""


@dataclass(frozen=True)
class Action:
    """What to do instead of forwarding a message.

    keep: how many of its bytes to forward first.
    """

    kind: ActionKind
    keep: int = 0
    seconds: float = STALL


Rule = Callable[[Direction, str, bytes], Action | None]
"""Takes a message's direction, its type ("startup" if it has none) and its bytes."""


@dataclass
class Once:
    """A rule that acts on the first message of a type, then never again."""

    direction: Direction
    type: str
    kind: ActionKind
    keep: Literal["none", "some", "all"] = "none"
    seconds: float = STALL
    acted: threading.Event = field(default_factory=threading.Event)

    def __call__(
        self, direction: Direction, type: str, message: bytes
    ) -> Action | None:
        if self.acted.is_set() or (direction, type) != (self.direction, self.type):
            return None
        self.acted.set()
        kept = {"none": 0, "some": len(message) // 2, "all": len(message)}[self.keep]
        return Action(self.kind, kept, self.seconds)


KILLS = 0.01
"""The share of messages. A statement and its answer have eleven: one in ten breaks."""
KINDS: list[ActionKind] = ["reset", "close", "half-close"]


class AtRandom:
    """A rule that breaks connections at random, and counts them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.killed = 0

    def __call__(
        self, direction: Direction, type: str, message: bytes
    ) -> Action | None:
        if self._rng.random() >= KILLS:
            return None
        self.killed += 1
        return Action(self._rng.choice(KINDS), self._rng.randrange(len(message) + 1))


class Messages:
    """Splits a stream into the protocol's messages.

    A message has a type, and a length that includes itself; only the first message of
    a client has no type. The answer to an SSLRequest is one byte. If that is a yes, the
    rest is encrypted, and can't be read here.
    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self, direction: Direction) -> None:
        self._typed = direction == "down"
        self._buffer = b""
        self.expects_a_byte = False

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._buffer += data
        while self._buffer:
            if self.expects_a_byte:
                self.expects_a_byte = False
                yield "byte", self._buffer[:1]
                self._buffer = self._buffer[1:]
                continue
            skipped = 1 if self._typed else 0
            if len(self._buffer) < skipped + 4:
                return
            [length] = struct.unpack_from("!i", self._buffer, skipped)
            if len(self._buffer) < skipped + length:
                return
            message = self._buffer[: skipped + length]
            self._buffer = self._buffer[skipped + length :]
            yield (chr(message[0]) if self._typed else "startup"), message
            self._typed = self._typed or message != SSL_REQUEST


class Link:
    """A client's connection, and the connection to the server that belongs to it."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.messages: dict[Direction, Messages] = {
            "up": Messages("up"),
            "down": Messages("down"),
        }
        self.gone = asyncio.Event()

    def end(self, *, reset: bool) -> None:
        """Close both, with RST packets or with FIN."""
        self.gone.set()
        for writer in self.writers:
            if reset:
                connection = writer.get_extra_info("socket")
                linger = struct.pack("ii", 1, 0)
                if connection.fileno() >= 0 and connection.family == socket.AF_INET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()


class Proxy:
    """Forwards a TCP port of its own to target, the path of a Unix socket.

    bursts: for each round trip, the types of the messages that clients sent, as a
    string.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.rule: Rule | None = None
        self.bursts: list[str] = []
        self.accepted = 0
        self._links: set[Link] = set()
        self._answered = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        # Keeps the port while nothing listens on it, so that connections are refused.
        self._placeholder = self._bound(0)
        self.port: int = self._placeholder.getsockname()[1]
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._placeholder.close()

    def url(self, database: str, **parameters: str) -> str:
        parameters = {"sslmode": "disable"} | parameters
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?{query}"

    def reset(self) -> None:
        """Remove the rule, and set the counts to zero."""
        self.rule = None
        self.bursts.clear()
        self.accepted = 0

    def kill(self, *, reset: bool = True) -> None:
        """End all connections."""

        async def kill() -> None:
            for link in list(self._links):
                link.end(reset=reset)

        self._do(kill())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse new connections."""
        self._do(self._deafen())
        try:
            yield
        finally:
            self.accept()

    def refuse(self) -> None:
        self._do(self._deafen())

    def accept(self) -> None:
        self._do(self._listen())

    def accept_in(self, seconds: float) -> None:
        """Accept connections again after a while."""

        def start() -> None:
            self._start(self._listen())

        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, start)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _bound(self, port: int) -> socket.socket:
        # asyncio sets TCP_NODELAY on accepted connections only if the protocol is
        # given.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, sock=self._bound(self.port), backlog=512
            )

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._deafen()
        for link in list(self._links):
            link.end(reset=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, up_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, "up", reader, up_writer),
                self._pump(link, "down", up_reader, writer),
            )
        except asyncio.CancelledError:
            pass
        finally:
            link.end(reset=False)
            self._links.discard(link)

    async def _pump(
        self,
        link: Link,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            while data := await reader.read(65536):
                for type, message in link.messages[direction].feed(data):
                    self._count(direction, type)
                    if message == SSL_REQUEST:
                        link.messages["down"].expects_a_byte = True
                    action = self.rule and self.rule(direction, type, message)
                    if action:
                        await self._perform(action, link, message, writer)
                        if action.kind == "half-close" or link.gone.is_set():
                            return
                    else:
                        writer.write(message)
                await writer.drain()
            if writer.can_write_eof() and not link.gone.is_set():
                writer.write_eof()
        except OSError:
            link.end(reset=False)

    async def _perform(
        self, action: Action, link: Link, message: bytes, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(message[: action.keep])
        await writer.drain()
        if action.kind in ("reset", "close"):
            link.end(reset=action.kind == "reset")
        elif action.kind == "half-close":
            writer.write_eof()
        else:
            try:
                await asyncio.wait_for(link.gone.wait(), action.seconds)
            except TimeoutError:
                if action.kind == "delay":
                    writer.write(message[action.keep :])

    def _count(self, direction: Direction, type: str) -> None:
        if direction == "down":
            self._answered = True
        elif type != "X":  # Terminate has no answer.
            if self._answered or not self.bursts:
                self.bursts.append("")
            self._answered = False
            self.bursts[-1] += type

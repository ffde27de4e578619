"""Start execution environments as needed; each handles one event at a time."""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from local.events import ACCOUNT
from local.request_log import RequestLog
from local.template import Function

# Lambda allows 1,000 in a region, too many for a laptop.
ENVIRONMENTS_PER_FUNCTION = 10
# Lambda stops an init phase after 10 s and repeats it within the function's timeout.
# It is longer here, because many environments may start at once on few cores.
INIT_TIMEOUT = 30.0
# The most that a function may return, plus the JSON that environment.py adds:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ANSWER_LIMIT = 6 * 1024 * 1024 + 1024

SourceVersion = frozenset[tuple[str, int, int]]


class FunctionError(Exception):
    """The handler raised an exception; its environment stays usable."""


class EnvironmentLost(FunctionError):
    """The environment crashed, timed out or did not start; its process has ended."""


class Environment:
    """A process that runs `local/environment.py`."""

    def __init__(self, function: Function, process: asyncio.subprocess.Process) -> None:
        self._function = function
        self._process = process

    @classmethod
    async def start(cls, function: Function, log: RequestLog | None) -> "Environment":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(Path(__file__).with_name("environment.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if log else None,
            cwd=function.folder,
            env=environment_variables(function),
            limit=ANSWER_LIMIT,
            # Ctrl-C in the terminal then reaches only the gateway, which ends this.
            start_new_session=True,
        )
        if log and process.stderr:
            log.relay(process.stderr)
        return cls(function, process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def wait_until_ready(self) -> None:
        await self._answer(INIT_TIMEOUT)

    async def invoke(self, event: Mapping[str, object]) -> object:
        request = {
            "event": event,
            "requestId": str(uuid.uuid4()),
            "arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{self._function.name}",
            "deadline": time.time() + self._function.timeout,
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return (await self._answer(self._function.timeout)).get("result")

    async def _answer(self, timeout: float) -> dict[str, object]:
        assert self._process.stdout
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout)
        except TimeoutError:
            raise EnvironmentLost(f"timed out after {timeout:.2f} seconds") from None
        except ValueError:
            raise EnvironmentLost("returned more than 6 MB") from None
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            raise EnvironmentLost(f"exited with code {code} instead of answering")
        answer: dict[str, object] = json.loads(line)
        match answer.get("error"):
            case {"errorType": kind, "errorMessage": message}:
                raise FunctionError(f"{kind}: {message}")
        return answer

    async def end(self) -> None:
        """Kill the process and its children without warning, as Lambda does."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


def environment_variables(function: Function) -> dict[str, str]:
    """Return what Lambda sets. Like `sam local`, prefer the shell over the template.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return {
        **function.environment,
        # A Better Auth with the memory adapter has new keys after each restart. With
        # the usual 30 s, no token would be accepted for that long.
        "JWKS_COOL_DOWN": "1",
        **os.environ,
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.folder),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/{uuid.uuid4().hex}",
        # Byte code records its source's time in seconds, so Python may miss an edit.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


class Pool:
    """The environments of one function, all with the same version of its code."""

    def __init__(
        self, function: Function, version: SourceVersion, log: RequestLog | None
    ) -> None:
        self.version = version
        self._log = log
        self._function = function
        self._limit = asyncio.Semaphore(ENVIRONMENTS_PER_FUNCTION)
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()
        self._retired = False

    async def invoke(self, event: Mapping[str, object]) -> object:
        async with self._limit:
            environment = await self._take()
            try:
                result = await environment.invoke(event)
            except EnvironmentLost:
                await self._end(environment)
                raise
            except FunctionError:
                await self._give_back(environment)
                raise
            except BaseException:
                await self._end(environment)
                raise
            await self._give_back(environment)
            return result

    async def _take(self) -> Environment:
        while self._idle:
            # Take the one that was used last, because its caches are warm.
            environment = self._idle.pop()
            if environment.alive:
                return environment
            self._all.discard(environment)
        environment = await Environment.start(self._function, self._log)
        self._all.add(environment)
        try:
            await environment.wait_until_ready()
        except BaseException:
            await self._end(environment)
            raise
        return environment

    async def _give_back(self, environment: Environment) -> None:
        if self._retired:
            await self._end(environment)
        else:
            self._idle.append(environment)

    async def _end(self, environment: Environment) -> None:
        await environment.end()
        self._all.discard(environment)

    async def retire(self) -> None:
        """End idle environments now, and each busy one after its event."""
        self._retired = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(self._end, idle))

    async def close(self) -> None:
        """End all environments, also busy ones."""
        self._retired = True
        await asyncio.gather(*map(self._end, list(self._all)))


def source_version(folders: Iterable[Path]) -> SourceVersion:
    """Return a value that changes with any file in `folders`."""
    return frozenset(
        (file.path, file.stat().st_mtime_ns, file.stat().st_size)
        for folder in folders
        for file in list_files(str(folder))
    )


def list_files(folder: str) -> list["os.DirEntry[str]"]:
    files = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                files += list_files(entry.path)
            else:
                files.append(entry)
    return files

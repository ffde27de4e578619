"""One Lambda execution environment: a process that serves one event at a time.

The gateway runs this file by its path and talks to it in lines of JSON: first comes
`{"ready": true}` or `{"error": ...}` from here, then `{"event": ...}` from the
gateway and `{"result": ...}` or `{"error": ...}` in return, again and again. It
imports nothing but the standard library, so that a function finds only what it has
in Lambda: its own folder, and the layer.
"""

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

Handler = Callable[[object, "LambdaContext"], object]


@dataclass(frozen=True)
class LambdaContext:
    """The second argument of a handler, with the names Lambda gives its fields."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: float
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        return max(int((self.deadline - time.time()) * 1000), 0)


def main() -> None:
    events, answers = _take_over_standard_streams()
    requests = _requests(events)
    try:
        handler = _load(os.environ["_HANDLER"])
    except BaseException as error:
        # BaseException: a module may also end by sys.exit() or a KeyboardInterrupt.
        _send(answers, json.dumps({"error": _init_error(error)}))
        return
    _send(answers, json.dumps({"ready": True}))
    while True:
        _send(answers, _answer(handler, requests.get()))


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the protocol, and give the handler harmless ones."""
    events = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return events, answers


def _requests(events: BinaryIO) -> "queue.SimpleQueue[bytes]":
    """Read in a thread, to end at once when the gateway ends, whatever goes on."""
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in events:
            requests.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return requests


def _load(name: str) -> Handler:
    # The function's code comes first, as /var/task does.
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def _answer(handler: Handler, line: bytes) -> str:
    try:
        request = json.loads(line)
        result = handler(request["event"], _context(request))
        # awslambdaric does not escape non-ASCII from python3.12 on, and a lone
        # surrogate, which has no UTF-8, then fails the invocation.
        answer = json.dumps({"result": result}, ensure_ascii=False)
        answer.encode()
        return answer
    except Exception as error:
        traceback.print_exception(error)
        return json.dumps({"error": _error(error)})


def _context(request: dict[str, object]) -> LambdaContext:
    return LambdaContext(
        aws_request_id=str(request["requestId"]),
        invoked_function_arn=str(request["arn"]),
        deadline=float(str(request["deadline"])),
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
    )


def _error(error: BaseException) -> dict[str, object]:
    """As Lambda reports a function error."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _init_error(error: BaseException) -> dict[str, object]:
    """A function error whose message also says where, to fit on one line."""
    loaders = (__file__, importlib.__file__, "<frozen importlib._bootstrap>")
    frames = traceback.extract_tb(error.__traceback__)
    code = [frame for frame in frames if frame.filename not in loaders]
    where = f" ({code[-1].filename}, line {code[-1].lineno})" if code else ""
    message = " ".join(str(error).split()) + where
    return {**_error(error), "errorMessage": message}


def _send(answers: BinaryIO, line: str) -> None:
    answers.write(line.encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()

"""A Lambda execution environment: a process that handles one event at a time.

The gateway runs this file by its path, and both exchange lines of JSON. This process
first sends `{"ready": true}` or `{"error": ...}`. Then it answers each `{"event": ...}`
of the gateway with `{"result": ...}` or `{"error": ...}`. It imports only the standard
library, so that a function finds only what it has in Lambda: its folder and the layer.
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
    """The second argument of a handler; its fields have the names that Lambda uses."""

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
    events, answers = take_over_standard_streams()
    requests = read_requests(events)
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except BaseException as error:
        # BaseException, because a module may call sys.exit().
        send(answers, json.dumps({"error": describe_init_error(error)}))
        return
    send(answers, json.dumps({"ready": True}))
    while True:
        send(answers, run_handler(handler, requests.get()))


def take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the gateway; the handler gets no input, and stderr."""
    events = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return events, answers


def read_requests(events: BinaryIO) -> "queue.SimpleQueue[bytes]":
    """Read in a thread, so that the process ends as soon as the gateway does."""
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in events:
            requests.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return requests


def load_handler(name: str) -> Handler:
    # The function's folder comes first, as /var/task does in Lambda.
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def run_handler(handler: Handler, line: bytes) -> str:
    try:
        request = json.loads(line)
        result = handler(request["event"], make_context(request))
        # Since Python 3.12, awslambdaric doesn't escape non-ASCII characters. A lone
        # surrogate can't be encoded as UTF-8, so it fails the invocation.
        answer = json.dumps({"result": result}, ensure_ascii=False)
        answer.encode()
        return answer
    except Exception as error:
        traceback.print_exception(error)
        return json.dumps({"error": describe_error(error)})


def make_context(request: dict[str, object]) -> LambdaContext:
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


def describe_error(error: BaseException) -> dict[str, object]:
    """Return the error as Lambda reports it."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def describe_init_error(error: BaseException) -> dict[str, object]:
    """Return the error with a message of one line that says where it happened."""
    loaders = (__file__, importlib.__file__, "<frozen importlib._bootstrap>")
    frames = traceback.extract_tb(error.__traceback__)
    code = [frame for frame in frames if frame.filename not in loaders]
    where = f" ({code[-1].filename}, line {code[-1].lineno})" if code else ""
    message = " ".join(str(error).split()) + where
    return {**describe_error(error), "errorMessage": message}


def send(answers: BinaryIO, line: str) -> None:
    answers.write(line.encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()

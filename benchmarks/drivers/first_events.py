"""Handle an execution environment's first events, for cachegrind to count.

`python first_events.py EVENTS ANSWER`, in a process that has Lambda's runtime client
and one function on its path. Each line of EVENTS is an event. The handler gets it as
from the runtime client, but without HTTP. The last answer is written to ANSWER, and the
process ends without tearing down the interpreter.
"""

import os
import socket
import sys
import threading
import time

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

# valgrind makes everything here so many times slower, and nothing gives up for that.
SLOWER = 50
monotonic, wait = time.monotonic, threading.Condition.wait
set_timeout = socket.socket.settimeout
time.monotonic = lambda: monotonic() / SLOWER
threading.Condition.wait = lambda self, timeout=None: wait(  # type: ignore[method-assign]
    self, timeout and timeout * SLOWER
)
socket.socket.settimeout = lambda self, timeout: set_timeout(  # type: ignore[method-assign]
    self, timeout and timeout * SLOWER
)

handler = bootstrap._get_handler("app.handler")
context = bootstrap.create_lambda_context(
    None,
    None,
    int(time.time() * 1000) + 30_000,
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "arn:aws:lambda:eu-central-1:123456789012:function:tasks",
    None,
)
marshaller = LambdaMarshaller()
with open(sys.argv[1], "rb") as sent:
    for line in sent:
        event = marshaller.unmarshal_request(line)
        answer, _ = marshaller.marshal_response(handler(event, context))
with open(sys.argv[2], "w") as received:
    received.write(answer)
sys.stdout.flush()
os._exit(0)

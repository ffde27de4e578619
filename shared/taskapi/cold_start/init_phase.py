"""Lambda's init phase: what is different while a function is being imported.

Lambda says how it starts an environment, and nothing happens here anywhere else:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import gc
import os
import sys

START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
FROM_SNAPSHOT = START == "snap-start"

SWITCH_INTERVAL = 0.0001
"""Seconds for which an import may keep a thread waiting that the network has woken.

With Python's own 0.005, each of the five or so round trips of connecting takes up to
5 ms longer, of a cold start of 280 ms.
"""

usual_interval = sys.getswitchinterval()

if START:
    # Nothing that is imported is garbage. Saves 60 million instructions of 1,300. To
    # remove it, delete the three lines with gc.
    gc.disable()
    # To remove it, delete the two lines with setswitchinterval.
    sys.setswitchinterval(SWITCH_INTERVAL)


def end_init_phase() -> None:
    """End it; what is there now stays, so the collector need never look at it again."""
    if START:
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(usual_interval)

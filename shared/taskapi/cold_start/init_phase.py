"""Lambda's init phase, in which the garbage collector is off.

Lambda says how it starts an environment, and nothing happens here anywhere else:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import gc
import os

START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
FROM_SNAPSHOT = START == "snap-start"

if START:
    gc.disable()


def end_init_phase() -> None:
    """Turn the collector on again; it never looks at what has been imported."""
    if START:
        gc.freeze()
        gc.enable()

"""Lambda's init phase, in which the garbage collector is off.

Lambda sets this variable; anywhere else, this module does nothing:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import gc
import os

START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
FROM_SNAPSHOT = START == "snap-start"

if START:
    gc.disable()


def end_init_phase() -> None:
    """Turn the collector on again; it skips what has been imported so far."""
    if START:
        gc.freeze()
        gc.enable()

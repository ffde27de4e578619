"""Lambda's init phase, in which nothing collects garbage or compiles dataclasses.

Lambda sets this variable; anywhere else, this module does nothing:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import gc
import os

from taskapi.cold_start import dataclass_code

START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
FROM_SNAPSHOT = START == "snap-start"

if START:
    gc.disable()
    dataclass_code.use()


def end_init_phase() -> None:
    """Turn the collector on again; it skips what has been imported so far."""
    if START:
        dataclass_code.stop()
        gc.freeze()
        gc.enable()

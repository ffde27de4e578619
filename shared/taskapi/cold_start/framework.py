"""FastAPI's names, and pydantic's, imported for as little as they can be.

All other modules import them from here. Most of a cold start is these imports; what is
done about it stands here and in shared/layer.py, which leaves things out of the layer,
with what it saves: in millions of instructions, of 1,300 (`make bench` counts them).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import taskapi.cold_start.init_phase  # noqa: F401

# isort: split
from pydantic import BaseModel


@contextmanager
def deferred_schemas() -> Iterator[None]:
    """Have models build their schemas on first use, where they don't say otherwise.

    Saves 170: FastAPI has a model for each part of OpenAPI, and nothing here uses them.
    To remove it, import the names below without the `with`.
    https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
    """
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


with deferred_schemas():
    from fastapi import FastAPI, Header, Path, Request, Response
    from fastapi.exceptions import RequestValidationError
    from fastapi.routing import APIRoute
    from mangum import Mangum
    from pydantic import (
        BeforeValidator,
        Field,
        StrictBool,
        StringConstraints,
        ValidationError,
        WithJsonSchema,
        with_config,
    )
    from pydantic_core import to_json
    from starlette.exceptions import HTTPException

__all__ = [
    "APIRoute",
    "BaseModel",
    "BeforeValidator",
    "FastAPI",
    "Field",
    "HTTPException",
    "Header",
    "Mangum",
    "Path",
    "Request",
    "RequestValidationError",
    "Response",
    "StrictBool",
    "StringConstraints",
    "ValidationError",
    "WithJsonSchema",
    "to_json",
    "with_config",
]

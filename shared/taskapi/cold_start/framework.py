"""Import FastAPI and pydantic without building the schemas of FastAPI's models.

All other modules import these names from here, so that none imports FastAPI earlier.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from taskapi.cold_start import dataclass_code, init_phase  # noqa: F401

# isort: split
from pydantic import BaseModel


@contextmanager
def deferred_schemas() -> Iterator[None]:
    """Have models build their schemas on first use, unless they say otherwise.

    FastAPI defines a model for each part of OpenAPI, and no request uses one.
    https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
    """
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


with deferred_schemas():
    from fastapi import FastAPI, Header, Path, Request, Response
    from fastapi._compat import is_scalar_field
    from fastapi.exceptions import RequestValidationError
    from fastapi.routing import APIRoute
    from mangum import Mangum
    from pydantic import (
        AfterValidator,
        BeforeValidator,
        Field,
        StrictBool,
        StringConstraints,
        ValidationError,
        WithJsonSchema,
        with_config,
    )
    from pydantic_core import PydanticCustomError, core_schema, to_json
    from starlette.exceptions import HTTPException

__all__ = [
    "APIRoute",
    "AfterValidator",
    "BaseModel",
    "BeforeValidator",
    "FastAPI",
    "Field",
    "HTTPException",
    "Header",
    "Mangum",
    "Path",
    "PydanticCustomError",
    "Request",
    "RequestValidationError",
    "Response",
    "StrictBool",
    "StringConstraints",
    "ValidationError",
    "WithJsonSchema",
    "core_schema",
    "is_scalar_field",
    "to_json",
    "with_config",
]

"""The FastAPI application of one function."""

from taskapi.cold_start.framework import (
    FastAPI,
    HTTPException,
    Request,
    RequestValidationError,
    Response,
)
from taskapi.web.route import ContractRoute


def create_app(route_class: type[ContractRoute] = ContractRoute) -> FastAPI:
    """Return an application for one function's one operation.

    FastAPI isn't told to check the content type, and reads any body as JSON:
    ContractRoute alone decides whether a body is declared as JSON.
    """
    app = FastAPI(
        openapi_url=None,
        strict_content_type=False,
        exception_handlers=dict.fromkeys(
            (HTTPException, RequestValidationError), reraise
        ),
    )
    app.router.route_class = route_class
    return app


async def reraise(request: Request, error: Exception) -> Response:
    """Raise an error that FastAPI would answer by itself: here it is a bug."""
    raise error

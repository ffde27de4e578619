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

    FastAPI doesn't check the content type here: ContractRoute alone decides whether a
    body is declared as JSON.
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
    """Raise an error that FastAPI would turn into a response; here it means a bug."""
    raise error

"""Responses with the ETag of a list or of the summary, and 304 instead of them."""

from collections.abc import Sequence

from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.answer_tags import Known, answer_tag, parse_known
from taskapi.web.documentation import Responses, response
from taskapi.web.responses import json_response

NOT_MODIFIED: Responses = response(
    304, "The answer is as If-None-Match has it.", None, "ETag"
)


def known_answers(request: Request, if_none_match: str | None) -> Known:
    """Return which answers to this request the caller has."""
    return parse_known(if_none_match, request.scope["query_string"])


def answer_or_304(
    request: Request, numbers: Sequence[int], answer: object | None
) -> Response:
    """Return 200 with the answer, or 304 if there is none: the caller has it.

    numbers: of the ETag.
    """
    headers = {"etag": answer_tag(numbers, request.scope["query_string"])}
    if answer is None:
        return Response(status_code=304, headers=headers)
    return json_response(answer, headers=headers)

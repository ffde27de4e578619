"""The response that holds a page of a list."""

from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.list_query import LISTS, Listing
from taskapi.tasks.lists import Page
from taskapi.web.answer_tags import NOT_MODIFIED, answer_or_304
from taskapi.web.documentation import ref, response
from taskapi.web.next_page import next_page_link

PAGE_OR_304 = (
    response(
        200, "A page of tasks.", {"type": "array", "items": ref("Task")}, "Link", "ETag"
    )
    | NOT_MODIFIED
)


def page_or_304(page: Page, request: Request) -> Response:
    """Return 200 with the tasks and, if there are more, the Link to the next page.

    Returns 304 if the caller has the page already.
    """
    answer = answer_or_304(request, [page.change], page.tasks)
    if page.cursor is not None:
        answer.headers["link"] = next_page_link(request, page.cursor, Listing, LISTS)
    return answer

"""The documentation in a real browser: "Try it out" works at the first click."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Site


def test_creates_a_task_without_typing_anything(
    browser: Browser, site: Site, screenshot: Callable[[Page, str], None]
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text))
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site.api, "data:"))
            else elsewhere.append(request.url)
        ),
    )

    page.goto(f"{site.api}/docs")
    create = page.locator("#operations-tasks-create_task")
    create.locator(".opblock-summary-control").click()
    screenshot(page, "docs")
    create.get_by_role("button", name="Execute").click()

    answer = create.locator(".live-responses-table .response")
    expect(answer).to_contain_text("201")
    expect(answer).to_contain_text('"user_id": "demo"')
    assert elsewhere == []
    assert complaints == []
    page.close()

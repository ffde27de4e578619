"""What a user does and sees on the to-do page."""

import re
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, expect

from local.waiting import eventually

Screenshot = Callable[[Page, str], None]


def item(page: Page, title: str) -> Locator:
    return page.locator("#list > li").filter(has=page.get_by_text(title, exact=True))


def titles(page: Page) -> Locator:
    return page.locator("#list .title:visible")


def add(page: Page, title: str) -> None:
    page.get_by_label("New task").fill(title)
    page.get_by_label("New task").press("Enter")


def edit(page: Page, title: str, new: str) -> None:
    """Change a task's title, without clicking Save."""
    item(page, title).locator(".open").click()
    page.get_by_label("Title", exact=True).fill(new)


def type_tasks(page: Page, *names: str) -> None:
    """Type without waiting for anything, as fast as the keyboard allows."""
    page.keyboard.type("".join(f"{name}\n" for name in names))


def expect_all_sent(page: Page) -> None:
    expect(page.locator(".unsent")).to_have_count(0)


def until(is_true: Callable[[], bool]) -> None:
    """Wait until the API has what the page shows."""
    eventually(is_true)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


def banner(page: Page) -> Locator:
    return page.locator("#banner [role=alert]")


def end(page: Page) -> Locator:
    """The text below the list."""
    return page.locator("#end p")


def asked(page: Page) -> Locator:
    """The page's own list of its requests, the latest first; without its polls."""
    return page.locator("#log li").filter(has_not_text=re.compile("/summary|/changes"))


def batches(page: Page) -> Locator:
    """The batches among the page's requests, the latest first."""
    return page.locator("#log li").filter(has_text="/batch")


def findings(page: Page) -> list[str]:
    """Return the problems that axe finds in the page."""
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations]

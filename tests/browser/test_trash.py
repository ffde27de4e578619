"""The trash on the page."""

from playwright.sync_api import expect

from tests.support.browser import User
from tests.support.page import Screenshot, expect_all_sent, findings, titles


def test_restores_from_the_trash_and_empties_it(
    someone: User, screenshot: Screenshot
) -> None:
    someone.has("Drop me", "Keep me", tags=["home"])
    with someone.api as api:
        for task in api.get("tasks").json()[::-1]:
            api.delete(f"tasks/{task['id']}").raise_for_status()
    page = someone.open()
    trash = page.get_by_role("dialog", name="Trash")
    page.on("dialog", lambda dialog: dialog.accept())

    page.get_by_role("button", name="Trash").press("Enter")
    expect(trash.locator(".title")).to_have_text(["Keep me", "Drop me"])
    expect(trash.locator("li").first).to_contain_text("deleted today")
    assert findings(page) == []
    screenshot(page, "trash")
    trash.get_by_role("button", name="Restore Keep me").press("Enter")
    expect(trash.get_by_role("button", name="Restore Drop me")).to_be_focused()
    trash.get_by_role("button", name="Empty trash").click()
    expect(trash).to_contain_text("The trash is empty.")
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Trash")).to_be_focused()
    expect(titles(page)).to_have_text(["Keep me"])
    expect_all_sent(page)
    with someone.api as api:
        assert api.get("trash").json() == []
        [task] = api.get("tasks").json()
    assert (task["title"], task["tags"]) == ("Keep me", ["home"])


def test_says_why_the_trash_is_not_shown(someone: User) -> None:
    page = someone.open()
    page.context.set_offline(True)

    page.get_by_role("button", name="Trash").click()

    trash = page.get_by_role("dialog", name="Trash")
    expect(trash).to_contain_text("No answer. Close the trash and try again.")
    expect(trash.get_by_role("button", name="Empty trash")).to_be_hidden()

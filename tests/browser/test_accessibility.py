"""The page by keyboard, by screen reader, by finger and on small screens."""

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.support.browser import User
from tests.support.page import (
    Screenshot,
    add,
    asked,
    banner,
    edit,
    expect_all_sent,
    findings,
    item,
    save,
    titles,
)


def test_works_by_keyboard_alone(someone: User) -> None:
    someone.has("Older", "Newer")
    page = someone.open()
    press = page.keyboard.press

    page.get_by_label("New task").focus()
    page.keyboard.type("By hand")
    press("Enter")
    expect(titles(page)).to_have_text(["By hand", "Newer", "Older"])
    expect_all_sent(page)
    # Add, the status, search, sort, the two filters of due dates, then the first item.
    for _ in range(7):
        press("Tab")
    expect(page.get_by_label("Completed: By hand")).to_be_focused()
    press("Space")
    expect(asked(page).first).to_contain_text("complete")
    expect(page.get_by_label("Completed: By hand")).to_be_checked()
    press("Tab")
    press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    press("End")
    page.keyboard.type("!")
    press("Enter")
    expect(titles(page)).to_have_text(["By hand!", "Newer", "Older"])
    expect(page.locator(".open").first).to_be_focused()
    press("Tab")  # to its due date
    press("Tab")
    press("Enter")
    expect(titles(page)).to_have_text(["Newer", "Older"])
    expect(page.get_by_label("Completed: Newer")).to_be_focused()
    press("Control+z")
    expect(titles(page)).to_have_text(["By hand!", "Newer", "Older"])
    expect(page.locator(".open").first).to_be_focused()


def test_tells_a_screen_reader_what_happened(someone: User) -> None:
    page = someone.open()
    status = page.locator("#said[role=status]")
    expect(status).to_have_text("Nothing here yet.")

    add(page, "Buy groceries")
    expect(status).to_have_text("Added Buy groceries")
    page.get_by_label("Completed: Buy groceries").check()
    expect(status).to_have_text("Buy groceries: completed")
    page.get_by_role("button", name="Delete Buy groceries").click()
    expect(status).to_have_text("Deleted “Buy groceries”. Undo: Control Z")
    page.keyboard.press("Control+z")
    expect(status).to_have_text("Restored “Buy groceries”")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_is_accessible_in_every_state(
    someone: User, screenshot: Screenshot, scheme: Literal["light", "dark"]
) -> None:
    someone.has("Order new passport photos", "Renew the library card", completed=True)
    someone.has("Water the tomatoes", description="The ones on the balcony too")
    someone.has("Read chapter four")
    someone.has("Reply to Marta", description="Do we bring the tent?\nAnd who drives?")
    someone.has(
        "Buy groceries", tags=["home"], priority="urgent", due_date="2020-01-01"
    )
    someone.has("Bake", tags=["home", "kitchen"], priority="low", due_date="2030-01-01")
    viewport = {"width": 1280, "height": 720}
    page = someone.open(color_scheme=scheme, viewport=viewport)

    def looked_at(state: str) -> list[str]:
        screenshot(page, f"{state}-{scheme}")
        return findings(page)

    expect(page.locator("#filters")).to_contain_text("#kitchen")
    page.locator("#filters").get_by_role("button", name="#home").click()
    expect(titles(page)).to_have_text(["Bake", "Buy groceries"])
    page.get_by_label("New task").fill("Clean tomorrow 5pm !high")
    page.get_by_label("Due date of Bake").click()
    assert looked_at("planning") == []
    page.keyboard.press("Escape")
    page.get_by_label("New task").fill("")
    page.locator("#filters").get_by_role("button", name="Clear filters").click()
    page.get_by_label("Sort").select_option("Due date")
    expect(page.locator(".group:visible")).not_to_have_count(0)
    assert looked_at("list") == []
    edit(page, "Reply to Marta", "Reply to Marta about Sunday")
    assert looked_at("editing") == []
    with someone.api as api:
        [id] = [t["id"] for t in api.get("tasks?search=Marta").json()]
        api.patch(f"tasks/{id}", json={"title": "Call Marta"}).raise_for_status()
    save(page)
    expect(page.locator(".conflict")).to_be_focused()
    assert looked_at("conflict") == []
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Delete Read chapter four").click()
    add(page, " ")
    expect(page.locator("#new-error")).not_to_be_empty()
    page.context.set_offline(True)
    page.get_by_label("Completed: Water the tomatoes").check()
    expect(banner(page)).to_be_visible()
    assert looked_at("troubles") == []


def test_fits_a_small_screen(someone: User, screenshot: Screenshot) -> None:
    tags = ["y" * 50, *map(str, range(19))]
    someone.has("A title of many words that goes on for longer than a line", "x" * 200)
    rule = "FREQ=MONTHLY;UNTIL=20351231;BYDAY=2TU,-1FR;BYMONTHDAY=13,-1"
    plan = {"due_date": "2020-01-01", "recurrence": rule, "priority": "urgent"}
    someone.has("Many tags", tags=tags, **plan)
    page = someone.open(viewport={"width": 320, "height": 640})
    expect(page.locator("#filters button")).not_to_have_count(2)

    item(page, "Many tags").get_by_role("button", name="+15").click()
    expect(item(page, "Many tags").locator(".details button")).to_have_count(21)
    page.get_by_label("Due date of Many tags").click()
    edit(page, "x" * 200, "y" * 200)
    page.get_by_label("New task").fill(f"{'x' * 100} #{'y' * 50} tomorrow !high")

    screenshot(page, "small")
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("width", [320, 480])
def test_a_finger_can_touch_all_there_is(someone: User, width: int) -> None:
    someone.has("Delete me", "Edit me", "Plan me", "See me")
    someone.has("Late", due_date="2020-01-01", priority="high", tags=["a", "b"])
    page = someone.open(viewport={"width": width, "height": 700}, has_touch=True)
    edit(page, "Edit me", "Edited")
    page.get_by_label("Due date of Plan me").click()
    page.get_by_role("button", name="Delete Delete me").click()
    page.route("**/batch", lambda route: route.abort())
    add(page, "Milk")
    expect(banner(page)).to_be_visible()
    page.get_by_label("New task").fill("Eggs tomorrow #home")

    small = page.evaluate("""() => [...document.querySelectorAll(
        "button, input, textarea, select, label:has([type=radio])")]
        .filter((each) => each.checkVisibility())
        .map((each) => [each.outerHTML, each.getBoundingClientRect()])
        .filter(([, { width, height }]) => Math.min(width, height) < 44)
        .map(([html, { width, height }]) => `${width}x${height} ${html}`)""")

    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") == width

"""Recurring tasks on the page: choosing a rule, completing, and the next task."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import User
from tests.support.page import (
    Screenshot,
    add,
    expect_all_sent,
    findings,
    item,
    save,
    titles,
)

FORTNIGHTLY = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"


def details(page: Page, title: str) -> Locator:
    return item(page, title).locator(".details").first


def notice(page: Page) -> Locator:
    return page.locator(".toast p")


def a_monday() -> str:
    """Return the date of a Monday in the next week but one."""
    today = datetime.now(UTC).date()
    return (today + timedelta(days=14 - today.weekday())).isoformat()


def test_a_chosen_rule_gives_the_next_task(
    someone: User, screenshot: Screenshot
) -> None:
    someone.has("Water the plants")
    page = someone.open(timezone_id="America/New_York", locale="en-GB")

    page.get_by_label("Due date of Water the plants").click()
    repeat = page.get_by_label("Repeat")
    repeat.select_option("Every 2 weeks")
    expect(page.get_by_text("Needs a due date")).to_be_visible()
    save(page)
    expect(page.locator(".error[data-for=date]")).to_have_text(
        "A task that repeats needs a due date"
    )
    page.get_by_label("Date", exact=True).fill("2026-03-09")
    expect(repeat).to_have_value(FORTNIGHTLY)
    screenshot(page, "rule")
    save(page)
    expect(details(page, "Water the plants")).to_contain_text(
        "Repeats every 2 weeks on Monday"
    )
    expect_all_sent(page)
    with someone.api as api:
        [task] = api.get("tasks").json()
    assert (task["recurrence"], task["time_zone"]) == (FORTNIGHTLY, "America/New_York")
    page.get_by_label("Completed: Water the plants").check()

    expect(titles(page)).to_have_text(["Water the plants"] * 2)
    expect(notice(page)).to_contain_text("Completed “Water the plants”. Next: ")
    screenshot(page, "next-task")
    with someone.api as api:
        following, done = api.get("tasks").json()
    assert (done["completed"], done["recurrence"]) == (True, None)
    assert (following["completed"], following["recurrence"]) == (False, FORTNIGHTLY)

    page.keyboard.press("Control+z")
    expect(titles(page)).to_have_count(1)
    expect_all_sent(page)
    with someone.api as api:
        [task] = api.get("tasks").json()
    assert (task["id"], task["completed"]) == (done["id"], False)
    assert (task["recurrence"], task["due_date"]) == (FORTNIGHTLY, "2026-03-09")


def test_a_custom_rule_is_corrected_and_cleared(
    someone: User, screenshot: Screenshot
) -> None:
    someone.has("Pay rent", due_date="2030-01-31")
    page = someone.open()
    item(page, "Pay rent").locator(".open").click()
    page.get_by_label("Repeat").select_option("Custom rule …")
    rule = page.get_by_label("Rule of RFC 5545")

    rule.fill("freq=daily;byday=mo")
    save(page)
    expect(page.locator(".error[data-for=recurrence]")).to_have_text(
        "Recurrence can have BYDAY only if it is WEEKLY or MONTHLY"
    )
    expect(rule).to_be_focused()
    screenshot(page, "custom-rule")
    assert findings(page) == []
    rule.fill("freq=monthly;count=2;byday=-1fr")
    expect(page.locator("output")).to_have_text(
        "Every month on the last Friday, 2 times"
    )
    rule.press("Enter")
    expect(details(page, "Pay rent")).to_contain_text("the last Friday, 2 times")
    expect_all_sent(page)
    item(page, "Pay rent").locator(".open").click()
    expect(page.get_by_label("Repeat")).to_have_value("FREQ=MONTHLY;COUNT=2;BYDAY=-1FR")
    page.get_by_label("Repeat").select_option("Doesn't repeat")
    save(page)

    expect(item(page, "Pay rent").locator(".rule")).to_have_count(0)
    expect_all_sent(page)
    with someone.api as api:
        [task] = api.get("tasks").json()
    assert (task["recurrence"], task["due_date"]) == (None, "2030-01-31")


def test_a_task_completed_offline_gets_its_next_later(someone: User) -> None:
    page = someone.open(timezone_id="Pacific/Auckland")
    add(page, "Gym every monday 6pm")
    expect(details(page, "Gym")).to_contain_text("every week on Monday")
    expect_all_sent(page)
    page.context.set_offline(True)

    page.get_by_label("Completed: Gym").check()
    expect(item(page, "Gym")).to_contain_text("Not sent yet")
    expect(notice(page)).to_have_count(0)
    page.context.set_offline(False)

    expect(notice(page)).to_contain_text("Completed “Gym”. Next: ")
    expect(titles(page)).to_have_text(["Gym"] * 2)


def test_undo_keeps_the_rule_of_a_task_that_was_cleared_since(someone: User) -> None:
    someone.has("Take a pill", due_date=a_monday(), recurrence="FREQ=DAILY")
    page = someone.open()
    page.get_by_label("Completed: Take a pill").check()
    expect(notice(page)).to_contain_text("Completed “Take a pill”. Next: ")

    page.get_by_role("button", name="Clear completed").click()
    page.locator(".toast", has_text="Next").get_by_role("button", name="Undo").click()

    expect(notice(page).last).to_have_text("“Take a pill” was deleted meanwhile.")
    expect_all_sent(page)
    with someone.api as api:
        [task] = api.get("tasks").json()
    assert task["recurrence"] == "FREQ=DAILY"


def test_the_last_of_a_rule_says_so(someone: User) -> None:
    someone.has("Take a pill", due_date=a_monday(), recurrence="FREQ=DAILY;COUNT=1")
    page = someone.open()
    expect(details(page, "Take a pill")).to_contain_text("for the last time")

    page.get_by_label("Completed: Take a pill").press("Space")

    expect(notice(page)).to_have_text("Completed “Take a pill” for the last time")
    expect(titles(page)).to_have_count(1)

"""Due dates, priorities, tags, filters and counts on the page."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import User
from tests.support.page import (
    batches,
    edit,
    end,
    expect_all_sent,
    item,
    save,
    titles,
)

TAGS = [f"tag{number}" for number in range(20)]


def in_days(number: int) -> str:
    return (datetime.now(UTC) + timedelta(days=number)).date().isoformat()


def details(page: Page, title: str) -> Locator:
    return item(page, title).locator(".details")


def chip(page: Page, name: str) -> Locator:
    return page.locator("#filters").get_by_role("button", name=name)


def test_the_last_words_of_a_new_task_say_when_and_what(someone: User) -> None:
    page = someone.open(timezone_id="America/New_York", locale="en-GB")
    page.clock.set_fixed_time("2026-03-09T20:00:00-04:00")  # in UTC, the 10th
    box, draft = page.get_by_label("New task"), page.locator("#draft button")

    page.keyboard.type("Read #1984 tomorrow 5pm #home !high")
    expect(draft).to_have_text(["Due tomorrow, 17:00 ✕", "High priority ✕", "#home ✕"])
    page.locator("#quick").get_by_role("button", name="Next week").click()
    expect(draft.first).to_have_text("Due Mon 16 Mar, 17:00 ✕")
    expect(page.locator("#quick [name=date]")).to_have_value("2026-03-16")
    page.keyboard.type(" today")  # into the title
    expect(box).to_have_value("Read #1984 today 5pm #home !high next week")
    draft.first.click()
    expect(draft).to_have_text(["High priority ✕", "#home ✕"])
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Pay rent tomorrow\nCall mum 5pm\n")

    expect_all_sent(page)
    expect(box).to_have_value("")
    late = details(page, "Call mum").locator("time")
    expect(late).to_have_text("Due tomorrow, 17:00")
    expect(late).to_have_attribute("datetime", "2026-03-10T21:00:00.000000Z")
    expect(late).to_have_attribute("title", "Tuesday, 10 March 2026 at 17:00")
    expect(details(page, "Pay rent").locator("time")).to_have_text("Due tomorrow")
    with someone.api as api:
        call, pay, read = api.get("tasks").json()
    assert (pay["due_date"], pay["time_zone"]) == ("2026-03-10", None)
    assert call["time_zone"] == "America/New_York"
    assert (read["title"], read["due_date"]) == (
        "Read #1984 today 5pm next week",
        None,
    )
    assert (read["priority"], read["tags"]) == ("high", ["home"])


def test_plans_filters_and_counts(someone: User) -> None:
    someone.has("Paint", tags=["home"])
    someone.has("Plan", tags=["work"], priority="urgent", due_date="2020-01-02")
    someone.has("Pack", tags=["home", "trip"], due_date=in_days(3))
    someone.has("Park", completed=True, due_date="2020-01-01")
    page = someone.open("&sort=due_date&order=asc", timezone_id="UTC")
    groups = page.locator(".group:visible")

    expect(titles(page)).to_have_text(["Park", "Plan", "Pack", "Paint"])
    expect(groups).to_have_count(3)
    expect(details(page, "Plan").locator(".late")).to_contain_text("days late")
    expect(details(page, "Park")).to_contain_text("done today")
    expect(chip(page, "Overdue 1")).to_be_visible()
    expect(page.locator("#view")).to_contain_text("Pending 3")

    # A due date is one press away, also from the keyboard.
    page.get_by_label("Due date of Paint").press("Enter")
    page.get_by_role("button", name="No date").press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["Park", "Plan", "Pack", "Paint"])
    expect(groups).to_have_count(3)
    expect(page.get_by_label("Due date of Paint")).to_be_focused()

    chip(page, "#home 2").click()
    expect(titles(page)).to_have_text(["Pack", "Paint"])
    expect(chip(page, "#home 2")).to_be_focused()
    details(page, "Pack").get_by_role("button", name="#trip").click()
    expect(titles(page)).to_have_text(["Pack"])
    page.get_by_label("Completed: Pack").check()
    expect(chip(page, "#home 1")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(titles(page)).to_have_text(["Pack"])
    expect(chip(page, "#trip 0")).to_have_attribute("aria-pressed", "true")
    chip(page, "Clear filters").press("Enter")
    expect(page.locator("#filters button").first).to_be_focused()
    chip(page, "Overdue").click()
    expect(titles(page)).to_have_text(["Plan"])
    page.get_by_label("Completed: Plan").click()
    expect(end(page)).to_have_text("Nothing found.")
    page.locator("#end").get_by_role("button", name="Clear filters").click()
    expect(titles(page)).to_have_count(4)
    expect(page.locator("#filters button").first).to_be_focused()
    expect(page.locator("#view")).to_contain_text("Completed 3")
    expect(chip(page, "Overdue")).to_have_count(0)


def test_edits_what_a_task_is_planned_with(someone: User) -> None:
    someone.has("Plan the trip", due_date="2030-03-09T16:00:00Z", time_zone="UTC")
    page = someone.open(timezone_id="Europe/Berlin", locale="en-GB")

    edit(page, "Plan the trip", "Plan the journey")
    expect(page.get_by_label("Time, if any")).to_have_value("17:00")
    page.get_by_label("Tags").fill(", ".join([*TAGS, "one more"]))
    save(page)
    wrong = page.locator(".error[data-for=tags]")
    expect(wrong).to_contain_text("At most 20 tags")
    expect(page.get_by_label("Tags")).to_be_focused()
    page.get_by_label("Tags").fill("#home, trip,, home")
    page.get_by_label("Date", exact=True).fill("")
    save(page)
    expect(page.locator(".error[data-for=date]")).to_have_text("A time needs a date")
    page.get_by_label("Date", exact=True).fill("2030-07-09")
    page.get_by_label("Priority").select_option("High")
    with someone.api as api:
        [task] = api.get("tasks").json()
        theirs = {"due_date": "2030-03-10", "tags": ["theirs"]}
        api.patch(f"tasks/{task['id']}", json=theirs).raise_for_status()
    save(page)

    versions = page.locator(".conflict dd")
    expect(versions.first).to_contain_text("Due 9 Jul 2030, 17:00")
    expect(versions.last).to_contain_text("Due 10 Mar 2030")
    expect(versions.last).to_contain_text("#theirs")
    page.get_by_role("button", name="Keep mine").click()
    expect(details(page, "Plan the journey")).to_have_text(
        "Due 9 Jul 2030, 17:00High#home#trip"
    )
    expect(batches(page)).to_have_count(3)  # a 422, a 412 and the write
    with someone.api as api:
        [task] = api.get("tasks").json()
    assert task["due_date"] == "2030-07-09T15:00:00.000000Z"
    assert task["time_zone"] == "Europe/Berlin"
    assert (task["priority"], task["tags"]) == ("high", ["home", "trip"])

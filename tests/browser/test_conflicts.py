"""Somebody else, another tab, or several edits at the same time."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import User
from tests.support.page import (
    banner,
    batches,
    edit,
    end,
    expect_all_sent,
    item,
    save,
    titles,
    type_tasks,
    until,
)


def conflict(someone: User) -> Page:
    """Edit a task in two browsers; return the one that saves second."""
    someone.has("Plan the trip")
    theirs, mine = someone.open(), someone.open()
    for page, title in ((mine, "Plan the journey"), (theirs, "Plan the holiday")):
        edit(page, "Plan the trip", title)
    save(theirs)
    expect_all_sent(theirs)
    save(mine)
    panel = mine.get_by_role("group", name="changed elsewhere")
    expect(panel).to_be_focused()
    expect(panel.locator("dd")).to_contain_text(["journey", "holiday"])
    return mine


def test_an_edit_that_lost_can_be_kept(someone: User) -> None:
    mine = conflict(someone)

    mine.get_by_role("button", name="Keep mine").click()

    expect(titles(mine)).to_have_text(["Plan the journey"])
    assert someone.titles == ["Plan the journey"]


def test_an_edit_that_lost_can_be_given_up(someone: User) -> None:
    mine = conflict(someone)

    mine.get_by_role("button", name="Take theirs").click()

    expect(titles(mine)).to_have_text(["Plan the holiday"])
    assert someone.titles == ["Plan the holiday"]


@pytest.mark.parametrize("answer", ["Keep mine", "Take theirs"])
def test_a_conflict_is_solved_by_keyboard_alone(someone: User, answer: str) -> None:
    someone.has("Plan the trip")
    page = someone.open()
    edit(page, "Plan the trip", "Plan the journey")
    with someone.api as api:
        [task] = api.get("tasks").json()
        api.patch(f"tasks/{task['id']}", json={"title": "Rest"}).raise_for_status()

    page.keyboard.press("Enter")  # in the title
    expect(page.get_by_role("group", name="changed elsewhere")).to_be_focused()
    page.keyboard.press("Tab")
    if answer == "Take theirs":
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=answer)).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#list .open")).to_be_visible()
    expect(page.locator("#list .open")).to_be_focused()


def test_completing_asks_where_the_task_is_another_by_now(someone: User) -> None:
    someone.has("Plan the trip")
    mine, theirs = someone.open(), someone.open()
    mine.context.set_offline(True)
    edit(theirs, "Plan the trip", "Cancel the trip")
    save(theirs)
    expect_all_sent(theirs)

    mine.get_by_label("Completed: Plan the trip").click()
    mine.context.set_offline(False)
    mine.get_by_role("button", name="Take theirs").click()

    expect(titles(mine)).to_have_text(["Cancel the trip"])
    expect(mine.get_by_label("Completed: Cancel the trip")).not_to_be_checked()


def test_deleting_asks_where_the_task_is_another_by_now(someone: User) -> None:
    someone.has("Plan the trip")
    mine, theirs = someone.open(), someone.open()
    mine.context.set_offline(True)
    edit(theirs, "Plan the trip", "Plan the holiday")
    save(theirs)
    expect_all_sent(theirs)

    mine.get_by_role("button", name="Delete Plan the trip").click()
    expect(titles(mine)).to_have_count(0)
    mine.context.set_offline(False)
    expect(mine.locator(".conflict dd")).to_contain_text(["Delete it", "holiday"])
    mine.get_by_role("button", name="Keep mine").click()

    expect(end(mine)).to_have_text("Nothing here yet.")
    until(lambda: someone.titles == [])


def test_what_was_deleted_meanwhile_can_be_added_again(someone: User) -> None:
    someone.has("Plan the trip")
    page = someone.open()
    edit(page, "Plan the trip", "Plan the journey")
    with someone.api as api:
        api.delete(f"tasks/{api.get('tasks').json()[0]['id']}").raise_for_status()

    save(page)
    page.get_by_role("button", name="Add mine as new").click()

    expect(titles(page)).to_have_text(["Plan the journey"])
    expect_all_sent(page)
    assert someone.titles == ["Plan the journey"]


def test_an_edit_of_a_row_is_one_request(someone: User) -> None:
    someone.has("Buy groceries")
    page = someone.open()

    edit(page, "Buy groceries", "Buy oats")
    save(page)

    expect(titles(page)).to_have_text(["Buy oats"])
    expect_all_sent(page)
    expect(batches(page)).to_have_count(1)
    expect(batches(page)).to_contain_text("if_match")


def test_shows_what_others_did_when_it_is_looked_at_again(someone: User) -> None:
    someone.has("Old")
    page = someone.open()
    expect(page.locator("#view")).to_contain_text("All 1")
    someone.has("New")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(titles(page)).to_have_text(["New", "Old"])
    expect(page.locator("#view")).to_contain_text("All 2")


def test_each_delete_has_its_own_undo(someone: User) -> None:
    someone.has("First", "Second", "Third")
    page = someone.open()
    for title in ("First", "Second", "Third"):
        page.get_by_role("button", name=f"Delete {title}").click()
    notices = page.locator(".toast")
    expect(notices).to_have_count(3)

    notices.filter(has_text="First").get_by_role("button", name="Undo").click()
    page.keyboard.press("Control+z")
    notices.filter(has_text="Second").get_by_role("button", name="Close").click()

    expect(titles(page)).to_have_text(["Third", "First"])
    expect(notices).to_have_count(0)
    until(lambda: someone.titles == ["Third", "First"])


def test_all_deletes_are_done_although_the_page_is_left(someone: User) -> None:
    someone.has("First", "Second", "Keep me")
    page = someone.open()
    for title in ("First", "Second"):
        page.get_by_role("button", name=f"Delete {title}").click()

    page.close()
    someone.open_in(page.context)

    until(lambda: someone.titles == ["Keep me"])


def test_typing_while_an_edit_is_saved_loses_nothing(someone: User) -> None:
    someone.has("Buy")
    page = someone.open()
    held: list[Route] = []
    page.route("**/batch", lambda route: held.append(route))
    with page.expect_request("**/batch"):
        edit(page, "Buy", "Buy oats")
        save(page)

    edit(page, "Buy oats", "Buy oats and milk")
    page.unroute("**/batch")
    held[0].fallback()
    expect_all_sent(page)
    save(page)

    expect(titles(page)).to_have_text(["Buy oats and milk"])
    expect_all_sent(page)
    assert someone.titles == ["Buy oats and milk"]


def test_a_conflict_does_not_take_the_keyboard_from_somebody_who_types(
    someone: User,
) -> None:
    someone.has("Plan the trip")
    page = someone.open()
    edit(page, "Plan the trip", "Plan the journey")
    with someone.api as api:
        [task] = api.get("tasks").json()
        api.patch(f"tasks/{task['id']}", json={"title": "Plan"}).raise_for_status()
    held: list[Route] = []
    page.route("**/batch", lambda route: held.append(route))
    with page.expect_request("**/batch"):
        save(page)
    page.get_by_label("New task").focus()

    page.unroute("**/batch")
    held[0].fallback()
    expect(page.locator(".conflict")).to_be_visible()
    type_tasks(page, "Milk")

    expect_all_sent(page)
    assert someone.titles == ["Milk", "Plan"]
    expect(page.locator("#list .title:visible")).to_have_text(["Milk"])
    page.get_by_role("button", name="Keep mine").click()
    expect(titles(page)).to_have_text(["Milk", "Plan the journey"])


def test_a_list_that_is_read_again_does_not_take_the_keyboard(someone: User) -> None:
    someone.has("Edited", "Other")
    page = someone.open("&sort=updated&order=desc")
    item(page, "Edited").locator(".open").click()
    page.keyboard.press("Home")
    page.keyboard.type("Be")
    with someone.api as api:
        id = api.get("tasks?search=Edited").json()[0]["id"]
        api.patch(f"tasks/{id}/complete").raise_for_status()

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#list > li").first.get_by_label("Title")).to_be_visible()
    page.keyboard.type("ing ")

    expect(page.get_by_label("Title", exact=True)).to_have_value("Being Edited")


def test_an_edit_that_is_refused_keeps_its_text(someone: User) -> None:
    someone.has("Buy")
    page = someone.open()
    edit(page, "Buy", "Buy oats")
    title, description = page.get_by_label("Title"), page.get_by_label("Description")
    description.fill("x" * 5001)

    save(page)

    expect(page.locator(".panel .error:not(:empty)")).to_contain_text(
        "at most 5000 characters"
    )
    expect(title).to_have_value("Buy oats")
    expect(description).to_be_focused()
    expect(description).to_have_attribute("aria-invalid", "true")
    expect(title).not_to_have_attribute("aria-invalid", "true")
    title.fill(" ")
    save(page)
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(description).to_have_attribute("aria-invalid", "false")
    title.fill("Buy oats")
    description.fill("Two bags")
    save(page)
    expect(titles(page)).to_have_text(["Buy oats"])


def test_a_task_can_be_edited_offline(someone: User) -> None:
    someone.has("Buy")
    page = someone.open()
    page.context.set_offline(True)
    edit(page, "Buy", "Buy oats")
    save(page)
    expect(banner(page)).to_have_text("You are offline.")

    page.context.set_offline(False)

    expect(titles(page)).to_have_text(["Buy oats"])
    expect_all_sent(page)
    assert someone.titles == ["Buy oats"]

"""Two windows of one user: other devices, and other tabs of the same browser."""

from playwright.sync_api import expect

from tests.support.browser import User
from tests.support.page import (
    add,
    edit,
    expect_all_sent,
    item,
    save,
    titles,
    type_tasks,
    until,
)


def test_two_devices_follow_each_other(someone: User) -> None:
    someone.has("Old", "Other")
    one, two = someone.open(), someone.open()

    add(one, "New")
    edit(one, "Old", "Older")
    save(one)
    expect(titles(two)).to_have_text(["New", "Other", "Older"])
    two.get_by_label("Completed: Other").check()
    two.get_by_role("button", name="Delete New").click()

    expect(titles(one)).to_have_text(["Other", "Older"])
    expect(one.get_by_label("Completed: Other")).to_be_checked()
    expect(one.locator("#view")).to_contain_text("All 2")
    one.get_by_label("Sort").select_option("Oldest first")
    two.get_by_role("button", name="Undo").click()
    expect(titles(one)).to_have_text(["Older", "Other", "New"])


def test_what_is_edited_stays_until_it_is_saved(someone: User) -> None:
    someone.has("Plan the trip")
    one, two = someone.open(), someone.open()
    edit(one, "Plan the trip", "Plan the journey")

    two.get_by_role("button", name="Delete Plan the trip").click()
    two.get_by_role("button", name="Undo").click()
    add(two, "New")

    expect(item(one, "New")).to_be_visible()
    expect(one.get_by_label("Title", exact=True)).to_have_value("Plan the journey")


def test_two_tabs_have_one_queue(someone: User) -> None:
    someone.has("Old")
    one = someone.open()
    two = someone.open_in(one.context)
    one.context.set_offline(True)

    type_tasks(one, "Milk", "Bread")
    expect(titles(two)).to_have_text(["Bread", "Milk", "Old"])
    edit(two, "Milk", "Oat milk")
    save(two)
    two.get_by_label("Completed: Old").check()
    expect(titles(one)).to_have_text(["Bread", "Oat milk", "Old"])
    one.close()
    two.context.set_offline(False)

    expect_all_sent(two)
    assert someone.titles == ["Bread", "Oat milk", "Old"]


def test_a_conflict_is_answered_in_either_tab(someone: User) -> None:
    someone.has("Plan the trip")
    one = someone.open()
    two = someone.open_in(one.context)
    one.context.set_offline(True)
    edit(one, "Plan the trip", "Plan the journey")
    save(one)
    with someone.api as api:
        [task] = api.get("tasks").json()
        api.patch(f"tasks/{task['id']}", json={"title": "Rest"}).raise_for_status()
    one.context.set_offline(False)

    for page in (one, two):
        expect(page.locator(".conflict dd")).to_contain_text(["journey", "Rest"])
    two.get_by_role("button", name="Keep mine").click()

    expect(titles(one)).to_have_text(["Plan the journey"])
    expect(one.locator(".conflict")).to_have_count(0)
    until(lambda: someone.titles == ["Plan the journey"])

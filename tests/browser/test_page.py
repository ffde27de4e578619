"""The to-do page in a real browser, on another origin than the API it uses."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import User
from tests.support.page import (
    add,
    asked,
    edit,
    end,
    expect_all_sent,
    item,
    save,
    titles,
)


def test_adds_a_task(someone: User) -> None:
    page = someone.open()
    expect(end(page)).to_have_text("Nothing here yet.")

    add(page, "Buy groceries")

    expect(titles(page)).to_have_text(["Buy groceries"])
    expect(page.get_by_label("New task")).to_have_value("")
    expect(page.get_by_label("New task")).to_be_focused()
    expect(end(page)).to_be_empty()
    expect_all_sent(page)
    assert someone.titles == ["Buy groceries"]


def test_edits_a_task_in_place(someone: User) -> None:
    someone.has("Buy groceries")
    page = someone.open()

    edit(page, "Buy groceries", "Buy oats")
    page.get_by_label("Description").fill("Two bags")
    save(page)

    expect(titles(page)).to_have_text(["Buy oats"])
    expect(page.locator(".about")).to_have_text("Two bags")
    expect(page.locator(".open")).to_be_focused()
    expect_all_sent(page)
    page.reload()
    expect(page.locator(".open")).to_contain_text("Buy oatsTwo bags")


@pytest.mark.parametrize(
    ("way", "field"), [("Escape", "Description"), ("Cancel", "Title")]
)
def test_asks_before_it_discards_what_was_typed(
    someone: User, field: str, way: str
) -> None:
    someone.has("Buy groceries")
    page = someone.open()
    item(page, "Buy groceries").locator(".open").click()
    page.get_by_label(field, exact=True).fill("Typed")
    answers = [False, True]
    page.on("dialog", lambda it: it.accept() if answers.pop(0) else it.dismiss())

    for _ in range(2):
        expect(page.get_by_label(field, exact=True)).to_have_value("Typed")
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            page.get_by_role("button", name="Cancel").click()

    expect(titles(page)).to_have_text(["Buy groceries"])
    expect(page.locator(".open")).to_be_focused()
    assert answers == []
    assert someone.titles == ["Buy groceries"]


def test_escape_closes_an_editor_where_nothing_was_typed(someone: User) -> None:
    someone.has("Buy groceries")
    page = someone.open()
    item(page, "Buy groceries").locator(".open").click()

    page.keyboard.press("Escape")

    expect(titles(page)).to_have_text(["Buy groceries"])


def test_completes_a_task(someone: User) -> None:
    someone.has("Buy groceries")
    page = someone.open()

    page.get_by_label("Completed: Buy groceries").check()

    expect(asked(page).first).to_contain_text("complete")
    expect_all_sent(page)
    page.reload()
    expect(page.get_by_label("Completed: Buy groceries")).to_be_checked()


def test_a_delete_can_be_undone(someone: User) -> None:
    someone.has("Keep me")
    page = someone.open()

    page.get_by_role("button", name="Delete Keep me").click()
    expect(titles(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(titles(page)).to_have_text(["Keep me"])
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    expect_all_sent(page)
    assert someone.titles == ["Keep me"]


def test_a_delete_is_done_at_once(someone: User) -> None:
    someone.has("Delete me")
    page = someone.open()

    with page.expect_response("**/batch"):
        page.get_by_role("button", name="Delete Delete me").click()

    expect(end(page)).to_have_text("Nothing here yet.")
    assert someone.titles == []


def test_filters_searches_and_sorts(someone: User) -> None:
    someone.has("apples", "Bread")
    someone.has("100% cocoa", completed=True)
    page = someone.open()
    expect(titles(page)).to_have_text(["100% cocoa", "Bread", "apples"])

    page.get_by_label("Sort").select_option("Oldest first")
    expect(titles(page)).to_have_text(["apples", "Bread", "100% cocoa"])
    page.locator("#view").get_by_text("Pending").click()
    expect(titles(page)).to_have_text(["apples", "Bread"])
    page.locator("#view").get_by_text("All").click()
    page.get_by_label("Search").fill("0% C")
    expect(titles(page)).to_have_text(["100% cocoa"])
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("0% C")
    expect(titles(page)).to_have_text(["100% cocoa"])
    page.get_by_label("Search").fill("nowhere")
    expect(end(page)).to_have_text("Nothing found.")


def test_a_task_leaves_a_list_that_it_does_not_belong_to(someone: User) -> None:
    someone.has("First", "Second")
    page = someone.open("&status=pending")

    page.get_by_label("Completed: Second").click()

    expect(titles(page)).to_have_text(["First"])
    expect(page.get_by_label("Completed: First")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(titles(page)).to_have_text(["Second", "First"])


def test_scrolling_shows_more_to_the_end(someone: User) -> None:
    someone.has(*[f"Task {number}" for number in range(65)])
    page = someone.open()
    expect(titles(page)).to_have_count(30)

    while titles(page).count() < 65:
        shown = titles(page).count()
        page.mouse.wheel(0, 10_000)
        expect(titles(page).nth(shown)).to_be_attached()

    expected = [f"Task {number}" for number in reversed(range(65))]
    expect(titles(page)).to_have_text(expected)
    expect(asked(page).filter(has_text="cursor=")).to_have_count(0)


def test_shows_tasks_as_text_and_never_as_html(someone: User) -> None:
    page = someone.open()

    add(page, "<img src=x onerror=alert(1)>")

    expect(titles(page)).to_have_text(["<img src=x onerror=alert(1)>"])
    expect(page.locator("#list img")).to_have_count(0)

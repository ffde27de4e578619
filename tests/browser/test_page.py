"""The to-do page in a real browser, on another origin than the API it uses."""

import itertools
import time
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, Route, expect

from local.direct import SECRET
from local.page_server import PageServer
from tests.support.browser import Site, User
from tests.support.page import (
    Screenshot,
    add,
    asked,
    banner,
    edit,
    end,
    expect_all_sent,
    findings,
    item,
    save,
    titles,
    type_tasks,
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
    page.reload()
    expect(page.locator(".open")).to_contain_text("Buy oatsTwo bags")


@pytest.mark.parametrize("field", ["Title", "Description"])
@pytest.mark.parametrize("way", ["Escape", "Cancel"])
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

    expect(asked(page).first).to_contain_text("/complete")
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
    assert someone.titles == ["Keep me"]


def test_a_delete_is_done_when_its_notice_goes(someone: User) -> None:
    someone.has("Delete me")
    page = someone.open()
    page.get_by_role("button", name="Delete Delete me").click()

    with page.expect_response(lambda answer: answer.request.method == "DELETE") as sent:
        page.get_by_role("button", name="Close").click()

    assert sent.value.status == 204
    expect(end(page)).to_have_text("Nothing here yet.")
    assert someone.titles == []


def test_a_delete_is_done_when_the_page_is_left(someone: User) -> None:
    someone.has("Delete me")
    page = someone.open()

    page.get_by_role("button", name="Delete Delete me").click()
    page.close()

    # Nothing tells when: the page that sends it is gone.
    deadline = time.monotonic() + 60
    while someone.titles and time.monotonic() < deadline:
        pass
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


def test_scrolling_follows_links_to_the_end(someone: User) -> None:
    someone.has(*[f"Task {number}" for number in range(65)])
    page = someone.open()
    someone.has("Created meanwhile")

    while titles(page).count() < 65:
        shown = titles(page).count()
        page.mouse.wheel(0, 10_000)
        expect(titles(page).nth(shown)).to_be_attached()

    expected = [f"Task {number}" for number in reversed(range(65))]
    expect(titles(page)).to_have_text(expected)
    expect(asked(page).first).to_contain_text("cursor=")


def test_shows_tasks_as_text_and_never_as_html(someone: User) -> None:
    page = someone.open()

    add(page, "<img src=x onerror=alert(1)>")

    expect(titles(page)).to_have_text(["<img src=x onerror=alert(1)>"])
    expect(page.locator("#list img")).to_have_count(0)


def conflict(someone: User) -> Page:
    """Edit a task in two browsers; return the one that saves second."""
    someone.has("Plan the trip")
    theirs, mine = someone.open(), someone.open()
    for page, title in ((mine, "Plan the journey"), (theirs, "Plan the holiday")):
        edit(page, "Plan the trip", title)
    save(theirs)
    expect(titles(theirs)).to_have_text(["Plan the holiday"])
    save(mine)
    panel = mine.get_by_role("group", name="changed elsewhere")
    expect(panel).to_be_focused()
    expect(panel.locator("dd")).to_contain_text(["journey", "holiday"])
    expect(asked(mine).first).to_contain_text("412")
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
    edit(theirs, "Plan the trip", "Cancel the trip")
    save(theirs)
    expect(titles(theirs)).to_have_text(["Cancel the trip"])

    mine.get_by_label("Completed: Plan the trip").click()
    mine.get_by_role("button", name="Take theirs").click()

    expect(titles(mine)).to_have_text(["Cancel the trip"])
    expect(mine.get_by_label("Completed: Cancel the trip")).not_to_be_checked()


def test_deleting_asks_where_the_task_is_another_by_now(someone: User) -> None:
    someone.has("Plan the trip")
    mine, theirs = someone.open(), someone.open()
    edit(theirs, "Plan the trip", "Plan the holiday")
    save(theirs)
    expect(titles(theirs)).to_have_text(["Plan the holiday"])

    mine.get_by_role("button", name="Delete Plan the trip").click()
    mine.get_by_role("button", name="Close").click()
    expect(mine.locator(".conflict dd")).to_contain_text(["Delete it", "holiday"])
    mine.get_by_role("button", name="Keep mine").click()

    expect(end(mine)).to_have_text("Nothing here yet.")
    assert someone.titles == []


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
    expect(asked(page)).to_have_count(1)

    edit(page, "Buy groceries", "Buy oats")
    save(page)

    expect(titles(page)).to_have_text(["Buy oats"])
    expect(asked(page)).to_have_count(2)
    expect(asked(page).first).to_contain_text("PATCH")
    expect(asked(page).first).to_contain_text("if-match")


def test_shows_what_others_did_when_it_is_looked_at_again(someone: User) -> None:
    someone.has("Old")
    page = someone.open()
    someone.has("New")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(titles(page)).to_have_text(["New", "Old"])


def test_each_delete_has_its_own_undo(someone: User) -> None:
    someone.has("First", "Second", "Third")
    page = someone.open()
    for title in ("First", "Second", "Third"):
        page.get_by_role("button", name=f"Delete {title}").click()
    notices = page.locator(".toast")
    expect(notices).to_have_count(3)

    notices.filter(has_text="First").get_by_role("button", name="Undo").click()
    page.keyboard.press("Control+z")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        notices.filter(has_text="Second").get_by_role("button", name="Close").click()

    expect(titles(page)).to_have_text(["Third", "First"])
    expect(notices).to_have_count(0)
    assert someone.titles == ["Third", "First"]


def test_all_deletes_are_done_when_the_page_is_left(someone: User) -> None:
    someone.has("First", "Second", "Keep me")
    page = someone.open()
    for title in ("First", "Second"):
        page.get_by_role("button", name=f"Delete {title}").click()

    page.close()

    deadline = time.monotonic() + 60
    while len(someone.titles) > 1 and time.monotonic() < deadline:
        pass
    assert someone.titles == ["Keep me"]


def test_typing_while_an_edit_is_saved_loses_nothing(someone: User) -> None:
    someone.has("Buy")
    page = someone.open()
    saves: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PATCH":
            saves.append(route)
        else:
            route.fallback()

    page.route("**/tasks/*", hold)
    item(page, "Buy").locator(".open").click()
    with page.expect_request(lambda request: request.method == "PATCH"):
        page.keyboard.press("End")
        page.keyboard.type(" oats\n and milk")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Buy oats and milk")
    page.keyboard.press("Enter")

    page.unroute("**/tasks/*")
    saves[0].fallback()

    expect(titles(page)).to_have_text(["Buy oats and milk"])
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
    page.route("**/tasks/*", lambda route: held.append(route))
    with page.expect_request("**/tasks/*"):
        save(page)
    page.get_by_label("New task").focus()

    page.unroute("**/tasks/*")
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

    expect(page.locator(".panel .error")).to_contain_text("at most 5000 characters")
    expect(title).to_have_value("Buy oats")
    expect(description).to_be_focused()
    expect(description).to_have_attribute("aria-invalid", "true")
    expect(title).to_have_attribute("aria-invalid", "false")
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
    assert someone.titles == ["Buy oats"]


def test_says_what_is_wrong_with_a_title(someone: User) -> None:
    page = someone.open()

    add(page, "x" * 201)

    expect(page.locator("#new-error")).to_have_text(
        "Title is required and must be between 1 and 200 characters"
    )
    expect(page.get_by_label("New task")).to_be_focused()
    expect(page.get_by_label("New task")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New task").fill("Short")
    expect(page.locator("#new-error")).to_be_empty()


def test_says_what_is_wrong_with_an_edit(someone: User) -> None:
    someone.has("Buy groceries")
    page = someone.open()

    edit(page, "Buy groceries", " ")
    save(page)

    expect(page.locator(".panel .error")).to_contain_text("Title is required")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()


def test_a_create_whose_answer_is_lost_adds_one_task(someone: User) -> None:
    page = someone.open()
    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.fallback()

    page.route("**/tasks", lose_the_first_answer)
    add(page, "Buy groceries")

    expect(titles(page)).to_have_text(["Buy groceries"])
    expect_all_sent(page)
    expect(asked(page).first).to_contain_text("idempotent-replayed: true")
    assert (lost, someone.titles) == ([201], ["Buy groceries"])


def test_goes_on_when_it_is_online_again(someone: User) -> None:
    page = someone.open()
    page.context.set_offline(True)
    add(page, "Buy groceries")
    expect(banner(page)).to_have_text("You are offline.")

    page.context.set_offline(False)

    expect(titles(page)).to_have_text(["Buy groceries"])
    expect(banner(page)).to_be_hidden()


@pytest.mark.parametrize("seconds", [1, 3600], ids=["by itself", "when told to"])
def test_tries_again_after_503(someone: User, seconds: int) -> None:
    someone.has("Buy groceries")
    page = someone.open()
    answers = [{"error": "service_unavailable", "message": "The database is away"}]

    def unavailable(route: Route) -> None:
        if not answers or route.request.method == "OPTIONS":
            route.fallback()
            return
        headers = {
            "access-control-allow-origin": someone.site.page,
            "access-control-expose-headers": "retry-after",
            "retry-after": str(seconds),
        }
        route.fulfill(status=503, headers=headers, json=answers.pop())

    page.route("**/complete", unavailable)
    page.get_by_label("Completed: Buy groceries").check()

    expect(banner(page)).to_have_text("The database is away")
    expect(page.locator("#banner")).to_contain_text(f"Trying again in {seconds} s.")
    if seconds > 1:
        page.get_by_role("button", name="Try now").click()
    expect(banner(page)).to_be_hidden()
    expect(asked(page).first).to_contain_text("200")


def test_gets_a_new_token_when_its_own_has_expired(someone: User) -> None:
    context = someone.context()
    page = context.new_page()
    given = []

    def expired_at_first(route: Route) -> None:
        config = route.fetch().json()
        given.append(config["token"])
        token = "expired" if len(given) == 1 else config["token"]
        route.fulfill(json={**config, "token": token})

    page.route("**/config.json*", expired_at_first)
    page.goto(f"{someone.site.page}/?user={someone.name}")

    expect(end(page)).to_have_text("Nothing here yet.")
    expect(asked(page)).to_contain_text(["200", "401"])


def test_says_so_when_no_token_is_accepted(someone: User) -> None:
    page = someone.context().new_page()
    config = {"api": someone.site.api, "user": someone.name, "token": "expired"}

    page.route("**/config.json*", lambda route: route.fulfill(json=config))
    page.goto(someone.site.page)

    expect(end(page)).to_have_text("Invalid or expired JWT token")


def test_an_origin_that_is_not_allowed_gets_nothing(someone: User) -> None:
    elsewhere = PageServer(0)
    # Another name for this machine, since pages of localhost are let in.
    elsewhere.origin = elsewhere.origin.replace("localhost", "elsewhere.localhost")
    with elsewhere.serving(someone.site.api, SECRET):
        page = someone.context().new_page()
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(str(request.failure)))
        page.goto(elsewhere.origin)

        expect(banner(page)).to_contain_text(
            f"The API is up, but doesn't allow pages from {elsewhere.origin}"
        )

    assert failed


def test_says_when_the_api_is_down(someone: User) -> None:
    page = someone.open()
    page.route(f"{someone.site.api}/**", lambda route: route.abort())

    add(page, "Buy groceries")

    expect(banner(page)).to_have_text(
        f"The API at {someone.site.api} can't be reached."
    )


def test_starts_although_its_own_server_is_away_at_first(someone: User) -> None:
    page = someone.context().new_page()
    away = ["once"]

    def config(route: Route) -> None:
        if away:
            away.pop()
            route.abort()
        else:
            route.fallback()

    page.route("**/config.json*", config)
    page.goto(f"{someone.site.page}/?user={someone.name}")

    expect(banner(page)).to_contain_text("This page's own server can't be reached")
    expect(end(page)).to_have_text("Nothing here yet.")


def blocked(page: Page, site: Site) -> None:
    """As an ad blocker does that has a rule against what is in this path."""
    page.route(f"{site.api}/api/**", lambda route: route.abort("blockedbyclient"))


def broken(page: Page, site: Site) -> None:
    page.route(f"{site.api}/api/**", lambda route: route.abort("connectionreset"))


def down(page: Page, site: Site) -> None:
    page.route(f"{site.api}/**", lambda route: route.abort("connectionrefused"))


def offline(page: Page, site: Site) -> None:
    page.context.set_offline(True)


NO_ANSWER = "The API is up and allows this page, but this request got no answer"
TROUBLES: dict[Callable[[Page, Site], None], str] = {
    blocked: NO_ANSWER,
    broken: NO_ANSWER,
    down: "can't be reached",
    offline: "You are offline.",
}
# A delete waits for its undo, which takes seconds: one is enough.
ACTS_IN_TROUBLE = [
    *itertools.product(TROUBLES, ["add", "search", "complete"]),
    (down, "delete"),
]


@pytest.mark.parametrize(
    ("trouble", "act"),
    ACTS_IN_TROUBLE,
    ids=[f"{trouble.__name__}-{act}" for trouble, act in ACTS_IN_TROUBLE],
)
def test_says_what_is_known_of_the_trouble(
    someone: User, trouble: Callable[[Page, Site], None], act: str
) -> None:
    someone.has("Old")
    page = someone.open()
    trouble(page, someone.site)

    if act == "add":
        add(page, "Milk")
    elif act == "search":
        page.get_by_label("Search").fill("x")
    elif act == "complete":
        page.get_by_label("Completed: Old").click()
    else:
        page.get_by_role("button", name="Delete Old").click()

    expect(banner(page)).to_contain_text(TROUBLES[trouble])
    expect(banner(page)).not_to_contain_text("AllowedOrigins")


def test_says_when_there_is_no_token_for_it(someone: User) -> None:
    page = someone.context().new_page()
    page.route("**/config.json*", lambda route: route.fulfill(status=403))

    page.goto(someone.site.page)

    expect(end(page)).to_have_text("There is no token for this page (403).")


def test_works_by_keyboard_alone(someone: User) -> None:
    someone.has("Older", "Newer")
    page = someone.open()
    press = page.keyboard.press

    page.get_by_label("New task").focus()
    page.keyboard.type("By hand")
    press("Enter")
    expect(titles(page)).to_have_text(["By hand", "Newer", "Older"])
    expect_all_sent(page)
    # Add, the filters as one, search, sort, then the first item.
    for _ in range(5):
        press("Tab")
    expect(page.get_by_label("Completed: By hand")).to_be_focused()
    press("Space")
    expect(asked(page).first).to_contain_text("/complete")
    expect(page.get_by_label("Completed: By hand")).to_be_checked()
    press("Tab")
    press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    press("End")
    page.keyboard.type("!")
    press("Enter")
    expect(titles(page)).to_have_text(["By hand!", "Newer", "Older"])
    expect(page.locator(".open").first).to_be_focused()
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_is_accessible_in_every_state(
    someone: User, screenshot: Screenshot, scheme: Literal["light", "dark"]
) -> None:
    someone.has("Order new passport photos", "Renew the library card", completed=True)
    someone.has("Water the tomatoes", description="The ones on the balcony too")
    someone.has("Read chapter four")
    someone.has("Reply to Marta", description="Do we bring the tent?\nAnd who drives?")
    someone.has("Buy groceries", description="Oats, milk, two lemons, coffee")
    viewport = {"width": 1280, "height": 720}
    page = someone.open(color_scheme=scheme, viewport=viewport)

    def looked_at(state: str) -> list[str]:
        screenshot(page, f"{state}-{scheme}")
        return findings(page)

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
    someone.has("A title of many words that goes on for longer than a line", "x" * 200)
    page = someone.open(viewport={"width": 320, "height": 640})

    edit(page, "x" * 200, "y" * 200)

    screenshot(page, "small")
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("width", [320, 390, 480])
def test_a_finger_can_touch_all_there_is(someone: User, width: int) -> None:
    someone.has("Delete me", "Edit me", "See me")
    page = someone.open(viewport={"width": width, "height": 700}, has_touch=True)
    edit(page, "Edit me", "Edited")
    page.get_by_role("button", name="Delete Delete me").click()
    page.route("**/tasks", lambda route: route.abort())
    add(page, "Milk")
    expect(banner(page)).to_be_visible()

    small = page.evaluate("""() => [...document.querySelectorAll(
        "button, input, textarea, select, label:has([type=radio])")]
        .filter((each) => each.checkVisibility())
        .map((each) => [each.outerHTML, each.getBoundingClientRect()])
        .filter(([, { width, height }]) => Math.min(width, height) < 44)
        .map(([html, { width, height }]) => `${width}x${height} ${html}`)""")

    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") == width

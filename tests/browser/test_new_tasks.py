"""Adding tasks, however fast somebody types and whatever the network does."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.support.browser import User
from tests.support.page import (
    add,
    banner,
    end,
    expect_all_sent,
    findings,
    item,
    titles,
    type_tasks,
    until,
)

FOUR = ["Milk", "Bread", "Eggs and butter", "Tea"]


def box(page: Page) -> Locator:
    return page.get_by_label("New task")


def note(page: Page) -> Locator:
    return page.locator("#new-note")


def slow(page: Page, milliseconds: int) -> None:
    conditions = {
        "offline": False,
        "latency": milliseconds,
        "downloadThroughput": -1,
        "uploadThroughput": -1,
    }
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", conditions)


def batches(page: Page) -> list[Request]:
    """Return a list that grows with each batch that the page sends."""
    sent: list[Request] = []
    page.on("request", lambda it: sent.append(it) if it.method == "POST" else None)
    return sent


def keys(sent: list[Request]) -> set[str]:
    bodies = [json.loads(request.post_data or "") for request in sent]
    operations = [each for body in bodies for each in body["operations"]]
    return {operation["idempotency_key"] for operation in operations}


def answer_first(page: Page, how: Callable[[Route], None], title: str = "Milk") -> None:
    """Let `how` answer the first batch with this title, and the API all others."""
    left = [how]

    def answer(route: Route) -> None:
        if left and f'"{title}"' in (route.request.post_data or ""):
            left.pop()(route)
        else:
            route.fallback()

    page.route("**/batch", answer)


def answering(user: User, status: int, **headers: str) -> Callable[[Route], None]:
    cors = {
        "access-control-allow-origin": user.site.page,
        "access-control-expose-headers": "retry-after, www-authenticate",
    }
    body = {"error": "some_error", "message": f"Refused with {status}"}
    return lambda route: route.fulfill(
        status=status, headers={**cors, **headers}, json=body
    )


# Typing


@pytest.mark.parametrize("latency", [0, 1000])
def test_typing_fast_loses_nothing(someone: User, latency: int) -> None:
    page = someone.open()
    sent = batches(page)
    slow(page, latency)

    type_tasks(page, *FOUR)

    expect(titles(page)).to_have_text(FOUR[::-1])
    expect(box(page)).to_have_value("")
    expect(box(page)).to_be_focused()
    expect_all_sent(page)
    expect(titles(page)).to_have_text(FOUR[::-1])
    assert someone.titles == FOUR[::-1]
    assert len(keys(sent)) == 4


def test_the_keyboard_is_in_the_box_at_first(someone: User) -> None:
    page = someone.open()

    expect(box(page)).to_be_focused()


def test_a_second_enter_means_nothing(someone: User) -> None:
    page = someone.open()
    slow(page, 400)

    type_tasks(page, "Milk", "", "")

    expect_all_sent(page)
    expect(page.locator("#new-error")).to_be_empty()
    assert someone.titles == ["Milk"]


def test_the_same_title_twice_is_two_tasks(someone: User) -> None:
    page = someone.open()

    type_tasks(page, "Milk", "Milk")

    expect_all_sent(page)
    assert someone.titles == ["Milk", "Milk"]


def test_what_can_not_be_a_title_stays_in_the_box(someone: User) -> None:
    page = someone.open()

    for title in ("", "  ", "x" * 201):
        add(page, title)

        error = page.locator("#new-error")
        expect(error).to_contain_text("between 1 and 200 characters")
        expect(box(page)).to_have_value(title)
        expect(box(page)).to_be_focused()
        box(page).fill("Milk")
        expect(error).to_be_empty()
    assert someone.titles == []


def test_titles_are_counted_in_code_points(someone: User) -> None:
    page = someone.open()

    add(page, "🍞" * 200)

    expect_all_sent(page)
    assert someone.titles == ["🍞" * 200]


def test_the_enter_of_an_input_method_adds_nothing(someone: User) -> None:
    page = someone.open()
    session = page.context.new_cdp_session(page)
    session.send(
        "Input.imeSetComposition",
        {"text": "牛乳", "selectionStart": 2, "selectionEnd": 2},
    )

    # As Safari sends it: after the composition, with the key code of one.
    page.evaluate("""() => {
        const init = { key: "Enter", keyCode: 229, bubbles: true, cancelable: true };
        const press = (more) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { ...init, ...more }));
        window.prevented = [{ isComposing: true }, {}].map((more) => !press(more));
    }""")

    assert page.evaluate("window.prevented") == [True, True]
    expect(box(page)).to_have_value("牛乳")
    session.send("Input.insertText", {"text": "牛乳"})
    page.keyboard.press("Enter")
    expect_all_sent(page)
    assert someone.titles == ["牛乳"]


def test_text_has_its_own_direction(someone: User) -> None:
    titles = {"חלב ולחם": "rtl", "حليب": "rtl", "Milk": "ltr"}
    for title in titles:
        someone.has(title, description=title)
    page = someone.open()
    directions = """() => [...document.querySelectorAll(
        "[name=title], [name=description], #search, .title, .about")]
        .filter((each) => each.checkVisibility())
        .map((each) => getComputedStyle(each).direction)"""

    for title, direction in titles.items():
        box(page).fill(title)
        page.get_by_label("Search").fill(title)
        expect(item(page, title)).to_have_count(1)
        expect(page.locator("#list > li")).to_have_count(1)
        assert set(page.evaluate(directions)) == {direction}
        item(page, title).locator(".open").click()
        expect(page.get_by_label("Description")).to_be_visible()
        assert set(page.evaluate(directions)) == {direction}
        page.keyboard.press("Escape")


# Away


def test_offline_tasks_wait_and_are_sent_in_order(someone: User) -> None:
    someone.has("Old")
    page = someone.open()
    page.context.set_offline(True)

    type_tasks(page, *FOUR)
    expect(titles(page)).to_have_text([*FOUR[::-1], "Old"])
    expect(banner(page)).to_have_text("You are offline.")
    expect(box(page)).to_be_focused()
    page.get_by_label("Search").fill("Old")
    expect(titles(page)).to_have_text(["Old"])
    expect(page.locator("#banner")).to_contain_text("4 changes wait to be sent.")
    assert findings(page) == []
    page.context.set_offline(False)

    expect(page.locator("#banner")).to_be_hidden()
    expect(titles(page)).to_have_text(["Old"])
    until(lambda: someone.titles == [*FOUR[::-1], "Old"])


@pytest.mark.parametrize("status", [422, 500])
def test_a_refused_task_keeps_its_text_and_holds_nobody_up(
    someone: User, status: int
) -> None:
    page = someone.open()
    refuse = answering(someone, status)

    def refuse_milk(route: Route) -> None:
        is_refused = '"Milk"' in (route.request.post_data or "")
        (refuse if is_refused else Route.fallback)(route)

    page.route("**/batch", refuse_milk)
    type_tasks(page, *FOUR)

    refused = page.locator("#list form")
    expect(refused.get_by_role("alert")).to_have_text(f"Refused with {status}")
    expect(refused.get_by_label("Not added")).to_have_value("Milk")
    expect(titles(page)).to_have_text(FOUR[:0:-1])
    expect_all_sent(page)
    expect(box(page)).to_be_focused()
    if status == 422:
        assert findings(page) == []
    page.unroute("**/batch")
    refused.get_by_role("button", name="Try again").click()
    expect_all_sent(page)
    assert sorted(someone.titles) == sorted(FOUR)


def test_a_refused_task_can_be_corrected(someone: User) -> None:
    someone.has("Bread", due_date="2029-03-09")
    page = someone.open("&sort=due_date&order=asc")
    tags = " ".join(f"#tag{number}" for number in range(21))
    add(page, f"Mi\u0085lk {tags} 2030-03-09 !high")
    field = page.get_by_label("Not added")
    message = page.locator("#list").get_by_role("alert")
    expect(message).to_contain_text("control characters")
    expect(page.locator("#list > li").first).to_contain_text("Not added")
    add(page, "Eggs 2029-12-31")
    expect(titles(page)).to_have_text(["Bread", "Eggs"])

    field.fill("Milk")
    field.press("Enter")
    expect(message).to_have_text("At most 20 tags are allowed, not 21")
    page.get_by_label("Tags").fill("#home, food")
    page.get_by_label("Tags").press("Enter")

    expect_all_sent(page)
    expect(box(page)).to_be_focused()
    with someone.api as api:
        task = api.get("tasks").json()[0]
    assert (task["title"], task["tags"]) == ("Milk", ["home", "food"])
    assert (task["due_date"], task["priority"]) == ("2030-03-09", "high")


def test_a_refused_task_can_be_discarded(someone: User) -> None:
    page = someone.open()
    answer_first(page, answering(someone, 500))
    add(page, "Milk")

    page.get_by_role("button", name="Discard").click()

    expect(end(page)).to_have_text("Nothing here yet.")
    expect(box(page)).to_be_focused()
    page.reload()
    expect(end(page)).to_have_text("Nothing here yet.")
    assert someone.titles == []


TROUBLES: dict[str, Callable[[User], Callable[[Route], None]]] = {
    "503 for a second": lambda user: answering(user, 503, **{"retry-after": "1"}),
    "429 without a time": lambda user: answering(user, 429),
    "401, an expired token": lambda user: answering(user, 401),
    "no answer": lambda _: lambda route: route.abort(),
}


# The third of four: there are tasks before it and after it.
CASES = [*((trouble, "Eggs and butter") for trouble in TROUBLES), ("no answer", "Milk")]


@pytest.mark.parametrize(("trouble", "title"), CASES)
def test_what_can_be_sent_again_is_sent_again_in_order(
    someone: User, trouble: str, title: str
) -> None:
    page = someone.open()
    answer_first(page, TROUBLES[trouble](someone), title)

    type_tasks(page, *FOUR)

    expect_all_sent(page)
    expect(titles(page)).to_have_text(FOUR[::-1])
    expect(banner(page)).to_be_hidden()
    assert someone.titles == FOUR[::-1]


def test_a_reload_sends_what_was_not_sent(someone: User) -> None:
    page = someone.open()
    page.route("**/batch", lambda route: route.abort())
    type_tasks(page, *FOUR)
    expect(titles(page)).to_have_text(FOUR[::-1])
    expect(banner(page)).to_be_visible()

    page.unroute("**/batch")
    page.reload()

    expect(titles(page)).to_have_text(FOUR[::-1])
    expect_all_sent(page)
    assert someone.titles == FOUR[::-1]


def test_a_create_whose_answer_the_reload_lost_adds_one_task(someone: User) -> None:
    page = someone.open()
    created: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            created.append(route.fetch().status)
        route.abort()

    page.route("**/batch", lose)
    add(page, "Milk")
    expect(banner(page)).to_be_visible()
    page.unroute("**/batch")
    page.reload()

    expect_all_sent(page)
    assert created[0] == 200
    assert someone.titles == ["Milk"]


def test_two_tabs_send_a_task_once(someone: User) -> None:
    page = someone.open()
    page.route("**/batch", lambda route: route.abort())
    type_tasks(page, "Milk", "Bread")
    expect(banner(page)).to_be_visible()

    other = page.context.new_page()
    other.goto(page.url)
    expect_all_sent(other)
    expect(titles(other)).to_have_text(["Bread", "Milk"])
    page.unroute("**/batch")

    expect_all_sent(page)
    expect(titles(page)).to_have_text(["Bread", "Milk"])
    assert someone.titles == ["Bread", "Milk"]


def test_nobody_sends_another_users_tasks(someone: User) -> None:
    page = someone.open()
    page.route("**/batch", lambda route: route.abort())
    add(page, "Milk")
    expect(banner(page)).to_be_visible()

    page.goto(f"{someone.site.page}/?user={someone.name}2")

    expect(end(page)).to_have_text("Nothing here yet.")


@pytest.mark.parametrize("where", ["box", "editor"])
def test_leaving_asks_where_text_was_typed(someone: User, where: str) -> None:
    someone.has("Old")
    page = someone.open()
    if where == "box":
        page.keyboard.type("Mil")
    else:
        item(page, "Old").locator(".open").click()
        page.keyboard.type("er")
    with page.expect_event("dialog", lambda it: it.type == "beforeunload"):
        page.once("dialog", lambda it: it.accept())
        page.reload()


def test_leaving_asks_where_the_browser_keeps_nothing(someone: User) -> None:
    page = someone.open()
    page.evaluate("""() => {
        IDBObjectStore.prototype.put = () => { throw new DOMException("full"); };
    }""")
    page.route("**/batch", lambda route: route.abort())
    add(page, "Milk")
    expect(banner(page)).to_be_visible()
    expect(page.locator("#unkept")).to_be_visible()

    with page.expect_event("dialog", lambda it: it.type == "beforeunload"):
        page.once("dialog", lambda it: it.accept())
        page.reload()


# Where it belongs


SORTS = {
    "Newest first": ["m", "b", "É", "a", "Z"],
    "Oldest first": ["Z", "a", "É", "b", "m"],
    "Last changed": ["m", "b", "É", "a", "Z"],
    "Title, A to Z": ["Z", "a", "b", "m", "É"],
    "Title, Z to A": ["É", "m", "b", "a", "Z"],
}


def test_a_new_task_is_where_the_sort_puts_it(someone: User) -> None:
    someone.has("Z", "a", "É", "b")
    page = someone.open()

    for sort, expected in SORTS.items():
        page.get_by_label("Sort").select_option(sort)
        expect(titles(page)).to_have_text([each for each in expected if each != "m"])
        page.context.set_offline(True)
        add(page, "m")
        expect(titles(page)).to_have_text(expected)
        page.context.set_offline(False)
        expect_all_sent(page)
        expect(titles(page)).to_have_text(expected)
        page.reload()
        expect(titles(page)).to_have_text(expected)
        page.get_by_role("button", name="Delete m").click()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("&status=completed", False),
        ("&status=pending", True),
        ("&search=bread", False),
        ("&search=MIL", True),
    ],
)
def test_a_new_task_is_shown_where_the_filter_has_it(
    someone: User, query: str, shown: bool
) -> None:
    page = someone.open(query)

    add(page, "Milk")

    expect_all_sent(page)
    expect(titles(page)).to_have_text(["Milk"] if shown else [])
    expected = re.compile("^$" if shown else "“Milk” isn't shown")
    expect(note(page)).to_have_text(expected)
    said = page.locator("#said[role=status]")
    expect(said).to_have_text(
        f"Added Milk{'' if shown else ', which this list leaves out'}"
    )
    page.reload()
    expect(titles(page)).to_have_text(["Milk"] if shown else [])


def test_a_new_task_may_be_further_down(someone: User) -> None:
    someone.has(*[f"Task {number}" for number in range(31)])
    page = someone.open(
        "&sort=created&order=asc", viewport={"width": 800, "height": 200}
    )
    expect(titles(page)).to_have_count(30)

    add(page, "Milk")

    expect_all_sent(page)
    expect(note(page)).to_contain_text("further down the list")
    expect(titles(page)).to_have_count(30)
    page.mouse.wheel(0, 10_000)
    expect(titles(page)).to_have_count(32)
    expect(titles(page).last).to_have_text("Milk")


def test_an_edited_task_moves_to_where_the_sort_puts_it(someone: User) -> None:
    someone.has("a", "b", "c")
    page = someone.open("&sort=title&order=asc")
    item(page, "a").locator(".open").click()

    page.keyboard.press("Control+a")
    page.keyboard.type("z\n")

    expect(titles(page)).to_have_text(["b", "c", "z"])
    expect(item(page, "z").locator(".open")).to_be_focused()

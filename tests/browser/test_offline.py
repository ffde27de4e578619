"""The page without a network, and when the network is there again."""

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import User
from tests.support.page import (
    add,
    asked,
    banner,
    edit,
    end,
    expect_all_sent,
    item,
    save,
    titles,
    until,
)


def test_does_offline_what_it_does_online(someone: User) -> None:
    someone.has("Edit me", "Complete me", "Delete me", "Keep me", "Plan the trip")
    page = someone.open()
    page.context.set_offline(True)

    edit(page, "Edit me", "Edited")
    save(page)
    page.get_by_label("Completed: Complete me").check()
    page.get_by_role("button", name="Delete Delete me").click()
    page.get_by_role("button", name="Delete Keep me").click()
    page.keyboard.press("Control+z")
    add(page, "New tomorrow #home")
    edit(page, "New", "Newer")
    save(page)
    edit(page, "Plan the trip", "Plan the journey")
    save(page)
    shown = ["Newer", "Plan the journey", "Keep me", "Complete me", "Edited"]
    expect(titles(page)).to_have_text(shown)
    page.get_by_label("Search").fill(" me")
    expect(titles(page)).to_have_text(["Keep me", "Complete me"])
    page.get_by_label("Search").fill("")
    expect(page.locator("#view")).to_contain_text("Completed 1")
    expect(banner(page)).to_have_text("You are offline.")
    expect(item(page, "Newer")).to_contain_text("Not sent yet")
    with someone.api as api:
        [trip] = api.get("tasks?search=trip").json()
        api.patch(f"tasks/{trip['id']}", json={"title": "Rest"}).raise_for_status()
    page.context.set_offline(False)

    expect(page.locator(".conflict dd")).to_contain_text(["journey", "Rest"])
    expect_all_sent(page)
    assert someone.titles == ["Newer", "Rest", "Keep me", "Complete me", "Edited"]
    page.get_by_role("button", name="Keep mine").click()
    expect(titles(page)).to_have_text(shown)
    until(lambda: someone.titles == shown)
    with someone.api as api:
        new, *_, done, _ = api.get("tasks").json()
    assert (new["tags"], done["completed"]) == (["home"], True)


@pytest.mark.parametrize("is_online", [True, False], ids=["online", "offline"])
def test_clears_300_tasks_and_brings_them_back(someone: User, is_online: bool) -> None:
    someone.has("Pending")
    create = {"op": "create", "task": {"title": "Done", "completed": True}}
    with someone.api as api:
        for _ in range(3):
            batch = {"operations": [create] * 100}
            api.post("tasks/batch", json=batch).raise_for_status()
    page = someone.open()
    expect(page.locator("#view")).to_contain_text("Completed 300")
    page.context.set_offline(not is_online)

    page.get_by_role("button", name="Clear completed").click()
    expect(titles(page)).to_have_text(["Pending"])
    notice = page.locator(".toast")
    expect(notice).to_contain_text("Cleared 300 completed tasks")
    if is_online:
        until(lambda: someone.titles == ["Pending"])
        expect(asked(page).first).to_contain_text("and: 95 more")
    notice.get_by_role("button", name="Undo").click()

    expect(page.locator("#view")).to_contain_text("Completed 300")
    page.context.set_offline(False)
    until(lambda: page.evaluate(READ_QUEUE) == [])
    with someone.api as api:
        assert api.get("tasks/summary").json()["completed"] == 300


READ_QUEUE = """async () => {
    const [{ name }] = await indexedDB.databases();
    const { result } = await new Promise((resolve) => {
        indexedDB.open(name).onsuccess = ({ target }) => resolve(target);
    });
    const found = result.transaction("queue").objectStore("queue").getAllKeys();
    return new Promise((resolve) => { found.onsuccess = () => resolve(found.result); });
}"""


def test_a_delete_is_undone_after_it_was_sent(someone: User) -> None:
    someone.has("Keep me", description="With all it has", tags=["home"])
    with someone.api as api:
        [before] = api.get("tasks").json()
    page = someone.open()
    with page.expect_response("**/batch"):
        page.get_by_role("button", name="Delete Keep me").click()
    until(lambda: someone.titles == [])

    page.keyboard.press("Control+z")

    expect(titles(page)).to_have_text(["Keep me"])
    expect_all_sent(page)
    with someone.api as api:
        [after] = api.get("tasks").json()
    assert (after["id"], after["tags"]) == (before["id"], ["home"])
    assert after["description"] == "With all it has"


def test_a_reload_offline_shows_everything(someone: User) -> None:
    someone.has("Old")
    page = someone.open(service_workers="allow")
    page.wait_for_function("""async () => {
        const files = await caches.open("the page's files");
        return navigator.serviceWorker.controller && (await files.keys()).length > 5;
    }""")
    page.context.set_offline(True)
    add(page, "New")

    page.reload()

    expect(titles(page)).to_have_text(["New", "Old"])
    edit(page, "New", "Newer")
    save(page)
    expect(banner(page)).to_have_text("You are offline.")
    page.context.set_offline(False)
    expect_all_sent(page)
    assert someone.titles == ["Newer", "Old"]


def test_shows_its_copy_before_the_api_answers(someone: User) -> None:
    someone.has("Old")
    page = someone.open()
    page.context.route(f"{someone.site.api}/**", lambda _: None)  # never answers

    page.reload()

    expect(titles(page)).to_have_text(["Old"])
    expect(page.locator("#view")).to_contain_text("All 1")


def test_another_user_has_another_copy_and_another_queue(someone: User) -> None:
    someone.has("Old")
    page = someone.open()
    page.route("**/batch", lambda route: route.abort())
    add(page, "New")
    expect(banner(page)).to_be_visible()
    page.unroute("**/batch")
    mine = page.url

    page.goto(f"{someone.site.page}/?user={someone.name}2")
    expect(end(page)).to_have_text("Nothing here yet.")
    assert someone.titles == ["Old"]
    page.goto(mine)

    expect(titles(page)).to_have_text(["New", "Old"])
    expect_all_sent(page)


def test_a_token_that_is_refused_keeps_the_queue(someone: User) -> None:
    page = someone.open()
    headers = {"access-control-allow-origin": someone.site.page}
    body = {"error": "unauthorized", "message": "Invalid or expired JWT token"}
    page.route(
        "**/batch", lambda route: route.fulfill(status=401, headers=headers, json=body)
    )

    add(page, "New")

    expect(banner(page)).to_have_text("Invalid or expired JWT token")
    expect(titles(page)).to_have_text(["New"])
    page.unroute("**/batch")
    page.get_by_role("button", name="Try now").click()
    expect_all_sent(page)
    assert someone.titles == ["New"]


def test_starts_a_new_copy_where_its_token_is_too_old(someone: User) -> None:
    someone.has("Old", "Other")
    page = someone.open()
    headers = {"access-control-allow-origin": someone.site.page}
    body = {"error": "token_expired", "message": "Start again without since"}
    page.route(
        "**/changes?since=*",
        lambda route: route.fulfill(status=410, headers=headers, json=body),
        times=1,
    )
    page.context.set_offline(True)
    page.get_by_role("button", name="Delete Old").click()
    page.context.set_offline(False)

    until(lambda: someone.titles == ["Other"])
    expect(titles(page)).to_have_text(["Other"])


@pytest.fixture
def many(someone: User, database: str) -> Page:
    """Return the page of a user whose list is too long for a copy."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO tasks (user_id, title, completed)"
            " SELECT %s, 'Task ' || number, number %% 2 = 0"
            " FROM generate_series(1, 5001) AS number",
            [someone.name],
        )
    page = someone.context().new_page()
    page.goto(f"{someone.site.page}/?user={someone.name}")
    page.locator("#list[aria-busy=false]").wait_for(state="attached")
    return page


def test_a_long_list_is_read_page_by_page(someone: User, many: Page) -> None:
    page = many
    expect(titles(page)).to_have_count(30)
    expect(page.locator("#view")).to_contain_text("All 5001")
    page.mouse.wheel(0, 10_000)
    expect(titles(page)).to_have_count(60)
    expect(asked(page).first).to_contain_text("cursor=")

    add(page, "New")
    expect(titles(page).first).to_have_text("New")
    expect_all_sent(page)
    edit(page, "New", "Newer")
    save(page)
    expect_all_sent(page)
    page.get_by_role("button", name="Delete Newer").click()
    expect(page.locator("#view")).to_contain_text("All 5001")
    page.keyboard.press("Control+z")
    expect(titles(page).first).to_have_text("Newer")
    expect(page.locator("#view")).to_contain_text("All 5002")

    assert page.evaluate(READ_QUEUE) == []
    page.get_by_label("Search").fill("Task 500")
    expect(titles(page)).to_have_text(["Task 5001", "Task 5000", "Task 500"])


def test_a_long_list_is_cleared_by_the_api(someone: User, many: Page) -> None:
    page = many
    expect(page.locator("#view")).to_contain_text("Completed 2500")

    page.get_by_role("button", name="Clear completed").click()
    notice = page.locator(".toast")
    expect(notice).to_contain_text("Cleared 2500 completed tasks")
    expect(page.locator("#view")).to_contain_text("All 2501")
    notice.get_by_role("button", name="Undo").click()

    expect(page.locator("#view")).to_contain_text("All 5001")

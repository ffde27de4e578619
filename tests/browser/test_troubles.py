"""What the page says and does when something goes wrong."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from local.direct import SECRET
from local.page_server import PageServer
from tests.support.browser import Site, User
from tests.support.page import (
    add,
    asked,
    banner,
    edit,
    end,
    expect_all_sent,
    save,
    titles,
)


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

    expect(page.locator(".panel .error:not(:empty)")).to_contain_text(
        "Title is required"
    )
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

    page.route("**/batch", lose_the_first_answer)
    add(page, "Buy groceries")

    expect(titles(page)).to_have_text(["Buy groceries"])
    expect_all_sent(page)
    assert (lost, someone.titles) == ([200], ["Buy groceries"])


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

    page.route("**/batch", unavailable)
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
    expect(page.locator("#log li")).to_contain_text(["200", "401"])


def test_says_so_when_no_token_is_accepted(someone: User) -> None:
    page = someone.context().new_page()
    config = {"api": someone.site.api, "user": someone.name, "token": "expired"}

    page.route("**/config.json*", lambda route: route.fulfill(json=config))
    page.goto(someone.site.page)

    expect(banner(page)).to_have_text("Invalid or expired JWT token")


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


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_says_what_is_known_of_the_trouble(
    someone: User, trouble: Callable[[Page, Site], None]
) -> None:
    page = someone.open()
    trouble(page, someone.site)

    add(page, "Milk")

    expect(banner(page)).to_contain_text(TROUBLES[trouble])
    expect(banner(page)).not_to_contain_text("AllowedOrigins")


@pytest.mark.parametrize("act", ["delete", "wait"])
def test_says_it_whatever_the_user_does(someone: User, act: str) -> None:
    someone.has("Old")
    page = someone.open()
    down(page, someone.site)

    if act == "delete":
        page.get_by_role("button", name="Delete Old").click()

    expect(banner(page)).to_contain_text(TROUBLES[down])


def test_says_when_there_is_no_token_for_it(someone: User) -> None:
    page = someone.context().new_page()
    page.route("**/config.json*", lambda route: route.fulfill(status=403))

    page.goto(someone.site.page)

    expect(banner(page)).to_have_text("There is no token for this page (403).")

"""The example in React: with Vite, a Better Auth and the API, as its users click it."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    Route,
    WebError,
    expect,
)

from local.waiting import eventually
from tests.support.auth_settings import configured
from tests.support.better_auth.server import install
from tests.support.gateway import serving
from tests.support.make_run import environment
from tests.support.page import Screenshot, findings
from tests.support.ports import free_port
from tests.support.project import ROOT

EXAMPLE = ROOT / "examples" / "react"
VITE = EXAMPLE / "node_modules" / ".bin" / "vite"
QUIETLY = ("--logLevel", "warn")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    install(EXAMPLE)
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(
        [VITE, "build", *QUIETLY, "--emptyOutDir", "--outDir", folder],
        cwd=EXAMPLE,
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def origin(built: Path, database: str) -> Iterator[str]:
    """Return the page's origin, which proxies Better Auth and the API."""
    port = free_port()
    page, auth = f"http://localhost:{port}", f"http://localhost:{free_port()}"
    command: list[str | Path] = [
        VITE,
        "preview",
        *QUIETLY,
        "--outDir",
        built,
        "--port",
        str(port),
    ]
    with configured(BETTER_AUTH_URL=auth), serving(ROOT) as api:
        settings = {"BETTER_AUTH_URL": auth, "PORT": str(api.port)}
        with subprocess.Popen(
            command, cwd=EXAMPLE, env=environment(**settings)
        ) as vite:
            eventually(lambda: answers(f"{page}/api/auth/ok"))
            yield page
            vite.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class Account:
    """Somebody who has signed up; with their tasks, as the API has them."""

    email: str
    id: str
    session: httpx.Cookies
    api: httpx.Client

    def has(self, *titles: str) -> None:
        for title in titles:
            self.api.post("tasks", json={"title": title}).raise_for_status()

    @property
    def titles(self) -> list[str]:
        return [task["title"] for task in self.api.get("tasks").json()]

    def change(self, **changes: object) -> None:
        """Change the newest task, as somebody else would."""
        [task, *_] = self.api.get("tasks").json()
        self.api.patch(f"tasks/{task['id']}", json=changes).raise_for_status()

    def delete(self) -> None:
        """Delete the newest task, as somebody else would."""
        [task, *_] = self.api.get("tasks").json()
        self.api.delete(f"tasks/{task['id']}").raise_for_status()


@pytest.fixture
def account(origin: str) -> Iterator[Account]:
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"name": "Zoë", "email": email, "password": PASSWORD}
    with httpx.Client(base_url=origin, headers={"origin": origin}, timeout=60) as auth:
        user = auth.post("/api/auth/sign-up/email", json=body).json()["user"]["id"]
        token = auth.get("/api/auth/token").json()["token"]
        session = auth.cookies
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=f"{origin}/api/{user}/", headers=headers, timeout=60
    ) as api:
        yield Account(email, user, session, api)


@pytest.fixture(scope="module")
def context(browser: Browser, built: Path, origin: str) -> Iterator[BrowserContext]:
    """Return a context whose first page stays open, and with it its process."""
    context = browser.new_context(viewport={"width": 800, "height": 600})
    context.set_default_timeout(60_000)
    [style] = built.glob("assets/*.css")
    context.new_page().goto(f"{origin}/assets/{style.name}")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Return the page of somebody who isn't signed in."""
    context.clear_cookies()
    thrown: list[str] = []

    def weberror(error: WebError) -> None:
        thrown.append(str(error.error))

    context.on("weberror", weberror)
    page = context.new_page()
    yield page
    page.close()
    context.remove_listener("weberror", weberror)
    assert thrown == []


@pytest.fixture
def open_list(page: Page, origin: str, account: Account) -> Callable[[], Page]:
    """Return a function that opens the list of somebody who has signed in."""

    def open_list() -> Page:
        for name, value in account.session.items():
            page.context.add_cookies([{"name": name, "value": value, "url": origin}])
        page.goto(origin)
        idle(page)
        return page

    return open_list


def idle(page: Page) -> None:
    """Wait until the page has read the list, and all writes are answered."""
    expect(page.locator("ul[aria-busy=false]")).to_be_attached()


def rows(page: Page, *expected: str) -> None:
    expect(page.locator("li label")).to_have_text(expected)


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def check(page: Page, title: str) -> None:
    page.get_by_role("checkbox", name=title).click()


def rename(page: Page, title: str, new: str) -> None:
    click(page, f"Edit {title}")
    page.get_by_label("Title").fill(new)
    click(page, "Save")


def add(page: Page, title: str) -> None:
    page.get_by_label("New task").fill(title)
    page.get_by_label("New task").press("Enter")


def requests(page: Page) -> list[str]:
    """Return a list that the page's next requests to API and Better Auth come into."""
    sent: list[str] = []

    def note(request: Request) -> None:
        path = request.url.partition("/api/")[2].partition("?")[0]
        if path:
            sent.append(f"{request.method} {path}")

    page.on("request", note)
    return sent


def test_goes_on_with_the_session_after_a_reload(
    page: Page, origin: str, account: Account, screenshot: Screenshot
) -> None:
    account.has("Buy groceries", "Call mum")
    page.goto(origin)
    page.get_by_label("Email").fill(account.email)
    page.get_by_label("Password").fill("wrong horse battery")
    click(page, "Sign in")
    expect(page.get_by_role("alert")).to_have_text("Invalid email or password")
    assert findings(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    click(page, "Sign in")
    rows(page, "Call mum", "Buy groceries")

    sent = requests(page)
    page.reload()
    rows(page, "Call mum", "Buy groceries")

    # There is no preflight: everything has the page's origin.
    tasks = f"GET {account.id}/tasks"
    assert sent == ["GET auth/get-session", "GET auth/token", tasks]
    assert findings(page) == []
    screenshot(page, "react")
    click(page, "Sign out")
    expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_reads_the_next_page_at_the_end_of_the_list(
    account: Account, open_list: Callable[[], Page]
) -> None:
    made = [f"Task {n}" for n in range(40)]
    account.has(*made)

    page = open_list()
    expect(page.locator("li label")).to_have_count(30)
    page.locator("li label").last.scroll_into_view_if_needed()
    page.mouse.wheel(0, 10_000)

    rows(page, *reversed(made))


def test_searches(account: Account, open_list: Callable[[], Page]) -> None:
    account.has("Buy oats", "Sleep")
    page = open_list()

    page.get_by_label("Search").fill("oat")

    rows(page, "Buy oats")


def test_a_create_whose_answer_is_lost_is_sent_again_with_its_key(
    account: Account, open_list: Callable[[], Page]
) -> None:
    page = open_list()
    keys: list[str | None] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 1:
            return route.fallback()
        route.fetch()
        return route.abort()

    page.route("**/tasks", lose_the_first)
    add(page, "Buy oats")
    add(page, "Sleep")
    expect(page.locator(".waiting")).to_have_text(["Buy oats", "Sleep"])

    rows(page, "Sleep", "Buy oats")
    expect(page.locator(".waiting")).to_have_count(0)
    assert account.titles == ["Sleep", "Buy oats"]
    assert keys[0] == keys[1] != keys[2]


def test_shows_a_change_at_once_and_takes_it_back_if_it_fails(
    account: Account, open_list: Callable[[], Page]
) -> None:
    account.has("Buy oats")
    page = open_list()
    held: list[Route] = []
    page.route("**/tasks/*", lambda route: held.append(route))

    with page.expect_request("**/tasks/*"):
        rename(page, "Buy oats", "Buy milk")
    rows(page, "Buy milk")
    problem = {"error": "validation_error", "message": "Not that", "details": {}}
    held[0].fulfill(status=422, json=problem)
    page.unroute("**/tasks/*")

    expect(page.get_by_role("alert")).to_contain_text("Not that")
    rows(page, "Buy oats")
    click(page, "Try again")
    rows(page, "Buy milk")
    idle(page)
    assert account.titles == ["Buy milk"]


def test_edits_in_quick_succession_do_not_conflict_with_each_other(
    account: Account, open_list: Callable[[], Page]
) -> None:
    account.has("Buy oats")
    page = open_list()

    held: list[Route] = []
    page.route("**/tasks/*", lambda route: held.append(route))
    with page.expect_request("**/tasks/*"):
        check(page, "Buy oats")
    rename(page, "Buy oats", "Buy milk")
    with page.expect_request("**/tasks/*"):
        held[0].fallback()
    # The first write is answered, the second isn't.
    check(page, "Buy milk")
    rename(page, "Buy milk", "Sleep")
    held[1].fallback()
    page.unroute("**/tasks/*")

    rows(page, "Sleep")
    idle(page)
    assert account.titles == ["Sleep"]
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("answer", "title"), [("Keep mine", "Buy milk"), ("Take theirs", "Buy tea")]
)
def test_asks_if_somebody_else_has_changed_the_task(
    account: Account,
    open_list: Callable[[], Page],
    screenshot: Screenshot,
    answer: str,
    title: str,
) -> None:
    account.has("Buy oats")
    page = open_list()
    click(page, "Edit Buy oats")
    account.change(title="Buy tea")
    page.get_by_label("Title").fill("Buy milk")
    click(page, "Save")

    expect(page.get_by_role("dialog")).to_contain_text("“Buy tea” has changed")
    assert findings(page) == []
    screenshot(page, "react-conflict")
    click(page, answer)

    rows(page, title)
    idle(page)
    assert account.titles == [title]


def test_what_was_deleted_meanwhile_can_be_added_again(
    account: Account, open_list: Callable[[], Page]
) -> None:
    account.has("Buy oats")
    page = open_list()
    account.delete()
    rename(page, "Buy oats", "Buy milk")

    click(page, "Add it again")

    rows(page, "Buy milk")
    idle(page)
    assert account.titles == ["Buy milk"]


RESTORE = "/api/{user_id}/tasks/{task_id}/restore"


def test_a_delete_can_be_undone(
    account: Account, open_list: Callable[[], Page]
) -> None:
    account.has("Buy oats", "Sleep")
    page = open_list()

    click(page, "Delete Buy oats")
    rows(page, "Sleep")
    expect(page.get_by_role("status")).to_contain_text("Deleted “Buy oats”")
    idle(page)
    assert account.titles == ["Sleep"]

    if RESTORE in json.loads((ROOT / "openapi.json").read_text())["paths"]:
        click(page, "Undo")
        rows(page, "Sleep", "Buy oats")
        idle(page)
        assert account.titles == ["Sleep", "Buy oats"]


def test_asks_to_sign_in_when_the_session_has_ended(
    account: Account, open_list: Callable[[], Page]
) -> None:
    account.has("Buy oats")
    page = open_list()
    page.context.clear_cookies()
    refused = {"error": "unauthorized", "message": "Invalid or expired JWT token"}
    page.route(
        "**/tasks*", lambda route: route.fulfill(status=401, json=refused), times=1
    )

    add(page, "Sleep")

    expect(page.get_by_role("heading")).to_have_text("Sign in")

"""Chromium, and `make run` with the page that it opens."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    WebError,
    expect,
    sync_playwright,
)

from tests.support.browser import Site, User
from tests.support.make_run import copied, running
from tests.support.ports import free_port
from tests.support.project import ROOT

CHROMIUM = "/usr/bin/chromium"
# Chromium must not contact hosts for its own purposes.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # If a page stays open, a new one takes its process: a second of CPU time less.
    "--process-per-site",
]
# Milliseconds: long, because the machine may be busy; a test that passes doesn't wait.
expect.set_options(timeout=60_000)
SCREENSHOTS = ROOT / ".local" / "screenshots"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists() and "CI" not in os.environ:
        pytest.skip("The browser tests need Debian's chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Site]:
    """Run `make run` on the tests' database, from a copy without data of its own."""
    clone = copied(tmp_path_factory.mktemp("clone"))
    settings = {"DATABASE_URL": database, "PAGE_PORT": str(free_port())}
    with running(clone, **settings) as (printed, _):
        [page, api] = re.findall(r"(?:try it with:|API is at) (\S+)$", printed, re.M)
        yield Site(page, api)


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> list[BrowserContext]:
    """Return the contexts that tests share. In each, the first page stays open."""
    return []


@pytest.fixture
def someone(
    browser: Browser, contexts: list[BrowserContext], site: Site
) -> Iterator[User]:
    """Return a user without tasks; fail if a page throws or breaks its policy.

    A context with options is new. Others are shared with earlier tests: the browser has
    a database for each user.
    """
    used: list[BrowserContext] = []
    own: list[BrowserContext] = []
    thrown: list[str] = []
    refused: list[str] = []

    def weberror(error: WebError) -> None:
        thrown.append(str(error.error))

    def console(line: ConsoleMessage) -> None:
        refused.append(line.text)

    def context(**options: object) -> BrowserContext:
        shared = next((each for each in contexts if each not in used), None)
        if options or shared is None:
            # A test's route() sees no request that a service worker sends.
            settings = {"service_workers": "block", **options}
            new = browser.new_context(**settings)  # type: ignore[arg-type]
            new.set_default_timeout(60_000)
            (own if options else contexts).append(new)
            if not options:
                new.new_page().goto(f"{site.page}/style.css")
        else:
            new = shared
        new.on("weberror", weberror)
        new.on("console", console)
        used.append(new)
        return new

    yield User(f"user-{uuid.uuid4().hex[:8]}", site, context)
    for each in used:
        if each in own:
            each.close()
        else:
            for page in each.pages[1:]:
                page.close()
            each.set_offline(False)
            each.unroute_all()
            each.remove_listener("weberror", weberror)
            each.remove_listener("console", console)
    assert thrown == []
    assert [line for line in refused if "Security Policy" in line] == []


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Return a function that saves a picture, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def save(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return save

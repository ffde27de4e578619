"""Chromium, and `make run` with the page that it opens."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

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


@pytest.fixture
def someone(browser: Browser, site: Site) -> Iterator[User]:
    """Return a user without tasks; fail if a page throws or breaks its policy."""
    contexts: list[BrowserContext] = []
    thrown: list[str] = []
    refused: list[str] = []

    def context(**options: object) -> BrowserContext:
        # A test's route() sees no request that a service worker sends.
        options = {"service_workers": "block", **options}
        new = browser.new_context(**options)  # type: ignore[arg-type]
        new.on("weberror", lambda error: thrown.append(str(error.error)))
        new.on("console", lambda line: refused.append(line.text))
        new.set_default_timeout(60_000)
        contexts.append(new)
        return new

    yield User(f"user-{uuid.uuid4().hex[:8]}", site, context)
    for each in contexts:
        each.close()
    assert thrown == []
    assert [line for line in refused if "Security Policy" in line] == []


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Return a function that saves a picture, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def save(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return save

"""The Content-Security-Policy of the page and of /docs, as Chromium applies it."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Site

INJECTED = """() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend",
        "<img src='data:,' onerror='window.injected = true'>");
}"""
WATCH = """() => {
    window.blocked = [];
    addEventListener("securitypolicyviolation",
        ({ blockedURI }) => window.blocked.push(blockedURI));
}"""

Address = Callable[[Site], str]
PAGES: dict[str, Address] = {
    "page": lambda site: site.page,
    "docs": lambda site: f"{site.api}/docs",
}
both_pages = pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page that, unlike those of a user, may break its policy."""
    page = browser.new_page()
    yield page
    page.close()


@both_pages
def test_an_injected_script_does_not_run(
    page: Page, site: Site, address: Address
) -> None:
    page.goto(address(site))
    page.evaluate(WATCH)

    page.evaluate(INJECTED)

    page.wait_for_function("window.blocked.includes('inline')", timeout=20_000)
    assert page.evaluate("window.injected") is None


@both_pages
def test_nothing_can_be_sent_elsewhere(
    page: Page, site: Site, address: Address
) -> None:
    page.goto(address(site))
    page.evaluate(WATCH)

    page.evaluate("fetch('http://127.0.0.1:9/secret').catch(() => 0)")

    wanted = "window.blocked.includes('http://127.0.0.1:9/secret')"
    page.wait_for_function(wanted, timeout=20_000)


@pytest.fixture
def framing() -> Iterator[Callable[[str], str]]:
    """Return the address of a page of another origin that frames an address."""
    content: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content[0].encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()

    def frame(address: str) -> str:
        content.append(f"<iframe src='{address}'></iframe>")
        return f"http://127.0.0.1:{server.server_port}/"

    yield frame
    server.shutdown()
    thread.join()
    server.server_close()


@both_pages
def test_another_page_cannot_frame_it(
    page: Page, site: Site, address: Address, framing: Callable[[str], str]
) -> None:
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text))

    page.goto(framing(address(site)))

    expect(page.frame_locator("iframe").locator("#docs, #list")).to_have_count(0)
    assert "frame-ancestors" in " ".join(refused)

"""Users of the page, each with a list of their own."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from playwright.sync_api import BrowserContext, Page


@dataclass(frozen=True)
class Site:
    """The addresses that `make run` prints for the page and the API."""

    page: str
    api: str


@dataclass(frozen=True)
class User:
    """A user with a list of their own, who can open it in several browsers."""

    name: str
    site: Site
    context: Callable[..., BrowserContext]

    def open(self, query: str = "", **options: object) -> Page:
        """Open the page in a new browser context; return it when it has its copy."""
        return self.open_in(self.context(**options), query)

    def open_in(self, context: BrowserContext, query: str = "") -> Page:
        """Open the page in another tab."""
        page = context.new_page()
        page.goto(f"{self.site.page}/?user={self.name}{query}")
        page.locator("#list[data-source=copy]").wait_for(state="attached")
        return page

    @property
    def api(self) -> httpx.Client:
        url = f"{self.site.page}/config.json?user={self.name}"
        config = httpx.get(url, timeout=60).json()
        return httpx.Client(
            base_url=f"{config['api']}/api/{self.name}/",
            headers={"authorization": f"Bearer {config['token']}"},
            timeout=60,  # seconds: the machine may be busy
        )

    def has(self, *titles: str, **fields: object) -> None:
        """Create tasks with these titles; the last is the newest."""
        with self.api as api:
            for title in titles:
                api.post("tasks", json={"title": title, **fields}).raise_for_status()

    @property
    def titles(self) -> list[str]:
        """The titles that the API has, the newest first."""
        with self.api as api:
            return [task["title"] for task in api.get("tasks").json()]

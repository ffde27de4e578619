"""What a proxy of the page's origin saves a browser: preflights, and their time.

While `make example` runs: `python -m benchmarks.preflights`. Chromium sends the same
requests to the API's own address and through Vite's proxy, both 20 ms away each way.
"""

import os
import statistics
from collections import Counter
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks.far import Distance

PAGE = os.environ.get("PAGE", "http://localhost:5173")
API = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
LATENCY, ROUNDS = 0.020, 10

# Read and search a list, add five tasks, and change, complete and delete each of them.
SESSION = """async ([url, token]) => {
  const send = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}` };
    if (body) headers["content-type"] = "application/json";
    const sent = { method, headers, body: body && JSON.stringify(body) };
    const answer = await fetch(url + path, sent);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    return method === "DELETE" ? null : answer.json();
  };
  const start = performance.now();
  await send("GET", "?limit=30");
  await send("GET", "?limit=30&search=oats");
  for (let n = 0; n < 5; n++) {
    const { id } = await send("POST", "", { title: "Buy oats" });
    await send("PATCH", `/${id}`, { title: "Buy milk" });
    await send("PATCH", `/${id}/complete`, { completed: true });
    await send("DELETE", `/${id}`);
  }
  return performance.now() - start;
}"""


def measure(
    browser: Browser, page_url: str, tasks: str, token: str
) -> tuple[float, Counter[str]]:
    """Return milliseconds, and how many requests of each kind a new browser sends."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(page_url)
        sent: Counter[str] = Counter()
        session = context.new_cdp_session(page)
        session.on(
            "Network.requestWillBeSent", lambda event: sent.update([event["type"]])
        )
        session.send("Network.enable")
        milliseconds: float = page.evaluate(SESSION, [tasks, token])
        return milliseconds, sent


def main() -> None:
    account = {"email": "demo@example.com", "password": "correct horse battery"}
    with httpx.Client(base_url=PAGE, headers={"origin": PAGE}) as auth:
        user = auth.post("/api/auth/sign-in/email", json=account).json()["user"]["id"]
        token = auth.get("/api/auth/token").json()["token"]
    page, api = (
        Distance(urlsplit(url).port or 80, LATENCY).port for url in (PAGE, API)
    )
    tasks = f"/api/{user}/tasks"
    urls = {
        "the API's address": f"http://127.0.0.1:{api}{tasks}",
        "a proxy": f"http://localhost:{page}{tasks}",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for name, url in urls.items():
            rounds = [
                measure(browser, f"http://localhost:{page}", url, token)
                for _ in range(ROUNDS)
            ]
            median = statistics.median(milliseconds for milliseconds, _ in rounds)
            print(f"{name}: {median:.0f} ms, {dict(rounds[-1][1])}")


if __name__ == "__main__":
    main()

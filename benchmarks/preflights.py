"""What a browser loses by preflights: requests and time.

While `make run` runs: `python -m benchmarks.preflights`. Chromium sends the same
requests from a page of another origin, and from one of the API's own, as behind a
proxy. The API is 20 ms away each way.
"""

import os
import statistics
from collections import Counter

from playwright.sync_api import Browser, sync_playwright

from benchmarks.far import Distance
from local.tokens import LOCAL, development_secret, development_token

OTHER_ORIGIN = f"http://localhost:{os.environ.get('PAGE_PORT', '8010')}"
PORT = int(os.environ.get("PORT", "8000"))
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
    # The policy of the page of `make run` allows only the API's own port.
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        page.goto(page_url)
        sent: Counter[str] = Counter()
        session = context.new_cdp_session(page)
        session.on(
            "Network.requestWillBeSent",
            lambda event: (
                sent.update([event["request"]["method"]])
                if event["request"]["url"].startswith(tasks)
                else None
            ),
        )
        session.send("Network.enable")
        milliseconds: float = page.evaluate(SESSION, [tasks, token])
        return milliseconds, sent


def main() -> None:
    token = development_token("demo", development_secret(LOCAL))
    api = f"http://127.0.0.1:{Distance(PORT, LATENCY).port}"
    pages = {"another origin": OTHER_ORIGIN, "the API's origin": f"{api}/health"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for name, page in pages.items():
            rounds = [
                measure(browser, page, f"{api}/api/demo/tasks", token)
                for _ in range(ROUNDS)
            ]
            median = statistics.median(milliseconds for milliseconds, _ in rounds)
            counts = max((sent for _, sent in rounds), key=Counter.total)
            print(f"from {name}: {median:.0f} ms, {dict(counts)}")


if __name__ == "__main__":
    main()

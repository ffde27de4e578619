"""`/openapi.json` and `/docs` beside the API, on the local gateway alone."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from local.direct import SECRET
from local.docs import WithDocs
from local.gateway import Gateway, server_config
from tests.support.gateway import Client, Project
from tests.support.project import ROOT


@contextmanager
def serving(root: Path) -> Iterator[Client]:
    """Serve the project in root as `make run` does."""
    server = uvicorn.Server(server_config(WithDocs(Gateway(root), root, SECRET)))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield Client(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def ask(database: str) -> Iterator[Client]:
    with serving(ROOT) as client:
        yield client


CORS = """
Globals: {HttpApi: {CorsConfiguration: {AllowOrigins: ["http://localhost:3000"]}}}
"""


@pytest.fixture
def sources(project: Project) -> Path:
    """Return a project whose document is slow to make, and counted in `made`."""
    root = project("")
    with (root / "template.yaml").open("a") as template:
        template.write(CORS)
    (root / "openapi").mkdir()
    (root / "openapi/__init__.py").touch()
    (root / "openapi/__main__.py").write_text(
        "import time\nopen('made', 'a').write('x')\ntime.sleep(0.3)\nprint('{}')\n"
    )
    return root


def test_serves_the_committed_document_with_its_own_address(ask: Client) -> None:
    served = ask("GET", "/openapi.json").json

    servers = [{"url": f"http://127.0.0.1:{ask.port}", "description": "make run"}]
    committed = json.loads((ROOT / "openapi.json").read_text())
    assert served == {**committed, "servers": servers}


def test_the_page_and_all_that_it_loads_come_from_here(ask: Client) -> None:
    page = ask("GET", "/docs")

    loaded = re.findall(r'(?:src|href|url)(?:=|: )"([^"]*)"', page.body.decode())
    assert len(loaded) == 4
    for path in loaded:
        reply = ask("GET", path)
        assert (path[0], reply.status) == ("/", 200)
        assert b"sourceMappingURL=http" not in reply.body


def test_the_page_brings_a_token_that_works(ask: Client) -> None:
    page = ask("GET", "/docs").body.decode()
    found = re.search(r'data-token="([^"]+)"', page)
    assert found

    reply = ask("GET", "/api/demo/tasks", [("Authorization", f"Bearer {found[1]}")])

    assert reply.status == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_another_sites_name_for_this_machine_gets_nothing(
    ask: Client, path: str
) -> None:
    headers = {"host": "rebound.example"}

    reply = httpx.get(f"http://127.0.0.1:{ask.port}{path}", headers=headers)

    assert (reply.status_code, reply.text) == (400, "Invalid host header")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/docs"), ("GET", "/docs/"), ("GET", "/doc"), ("PUT", "/openapi.json")],
)
def test_any_other_path_is_a_404_of_the_gateway(
    ask: Client, method: str, path: str
) -> None:
    reply = ask(method, path)

    assert (reply.status, reply.json) == (404, {"message": "Not Found"})
    assert reply["apigw-requestid"]


def made(root: Path) -> int:
    """Return how often the project's document was made."""
    counted = root / "made"
    return len(counted.read_text()) if counted.exists() else 0


def test_many_requests_make_the_document_once(sources: Path) -> None:
    with serving(sources) as ask, ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda _: ask("GET", "/openapi.json"), range(40)))

    assert {reply.status for reply in replies} == {200}
    assert made(sources) == 1


@pytest.mark.parametrize("path", ["functions/it/app.py", "openapi/__main__.py"])
def test_a_change_of_the_sources_makes_the_document_again(
    sources: Path, path: str
) -> None:
    with serving(sources) as ask:
        ask("GET", "/openapi.json")
        with (sources / path).open("a") as source:
            source.write("\n# changed\n")
        ask("GET", "/openapi.json")
        ask("HEAD", "/openapi.json")

    assert made(sources) == 2


def test_broken_code_is_run_once_and_said(sources: Path) -> None:
    with (sources / "openapi/__main__.py").open("a") as source:
        source.write("raise SystemExit(1)\n")

    with serving(sources) as ask:
        replies = [ask("GET", "/openapi.json") for _ in range(3)]

    assert {reply.status for reply in replies} == {500}
    assert b"the terminal of make run says why" in replies[0].body
    assert made(sources) == 1


OTHER_SITES = {
    "an image": {"sec-fetch-site": "cross-site"},
    "a fetch": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "another scheme": {"sec-fetch-site": "cross-site", "origin": "https://127.0.0.1:9"},
    "a sandbox": {"sec-fetch-site": "cross-site", "origin": "null"},
    "an old browser's fetch": {"origin": "https://evil.example"},
}


@pytest.mark.parametrize("headers", OTHER_SITES.values(), ids=OTHER_SITES)
def test_another_site_cannot_start_a_process(
    sources: Path, headers: dict[str, str]
) -> None:
    with serving(sources) as ask:
        reply = ask("GET", "/openapi.json", list(headers.items()))

    assert (reply.status, reply["access-control-allow-origin"]) == (403, None)
    assert made(sources) == 0


READERS: dict[str, dict[str, str]] = {
    "a program": {},
    "the docs page": {"sec-fetch-site": "same-origin"},
    "the address bar": {"sec-fetch-site": "none"},
    "an allowed page": {
        "sec-fetch-site": "cross-site",
        "origin": "http://localhost:3000",
    },
    "a page of this machine": {
        "sec-fetch-site": "same-site",
        "origin": "http://127.0.0.1:9",
    },
}


@pytest.mark.parametrize("headers", READERS.values(), ids=READERS)
def test_those_who_may_read_the_document_can(
    sources: Path, headers: dict[str, str]
) -> None:
    with serving(sources) as ask:
        reply = ask("GET", "/openapi.json", list(headers.items()))

    assert reply.status == 200
    assert reply["access-control-allow-origin"] == headers.get("origin")


def test_the_page_with_the_token_cannot_be_framed_or_loaded(ask: Client) -> None:
    page = ask("GET", "/docs")

    policy = page["content-security-policy"] or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page["x-frame-options"] == "DENY"
    assert page["x-content-type-options"] == "nosniff"
    assert page["referrer-policy"] == "no-referrer"
    assert page["cross-origin-resource-policy"] == "same-origin"


def test_has_no_docs_where_it_is_deployed() -> None:
    template = (ROOT / "template.yaml").read_text()

    assert "docs" not in template
    assert "openapi" not in template

"""The page that `make run` serves: where, to whom, and what it tells."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.direct import SECRET
from local.page_server import PageServer
from tests.support.make_run import copied, running
from tests.support.ports import free_port
from tests.support.project import ROOT


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("clone"))


def page_of(printed: str) -> str:
    [page] = re.findall(r"^A page to try it with: (\S+)$", printed, re.MULTILINE)
    return str(page)


def allowed(config: dict[str, str], origin: str) -> bool:
    answer = httpx.get(f"{config['api']}/health", headers={"origin": origin})
    return bool(answer.headers.get("access-control-allow-origin") == origin)


@pytest.fixture(scope="module")
def served(clone: Path, database: str) -> Iterator[tuple[str, int]]:
    """Return what `make run` has printed, and the page's port."""
    port = free_port()
    with running(clone, DATABASE_URL=database, PAGE_PORT=str(port)) as (printed, _):
        yield printed, port


def test_serves_a_page_that_the_api_lets_in(served: tuple[str, int]) -> None:
    printed, port = served
    page = page_of(printed)
    config = httpx.get(f"{page}/config.json?user=alice").json()
    tasks = httpx.get(
        f"{config['api']}/api/alice/tasks",
        headers={"authorization": f"Bearer {config['token']}"},
    )

    assert page == f"http://localhost:{port}"
    assert "<title>Tasks</title>" in httpx.get(page).text
    assert httpx.get(f"{page}/other").status_code == 404
    assert tasks.status_code == 200
    assert allowed(config, page)
    assert allowed(config, "http://localhost:3000")
    assert allowed(config, "http://localhost:5174")
    assert not allowed(config, "https://localhost:5174")


def test_a_taken_page_port_is_a_line_and_another_port(
    clone: Path, database: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with running(clone, DATABASE_URL=database, PAGE_PORT=port) as (printed, _):
            page = page_of(printed)
            config = httpx.get(f"{page}/config.json").json()

            assert f"Port {port} is taken, so the page gets another" in printed
            assert page != f"http://localhost:{port}"
            assert allowed(config, page)


def test_origins_that_are_set_are_all_that_may_come_in(
    clone: Path, database: str
) -> None:
    port = str(free_port())
    settings = {"DATABASE_URL": database, "PAGE_PORT": port}
    with running(clone, **settings, ALLOWED_ORIGINS="https://a.example") as (said, _):
        [api] = re.findall(r"^The API is at (\S+)$", said, re.MULTILINE)
        config = {"api": api}

        assert "A page" not in said
        assert f"http://localhost:{port} isn't in ALLOWED_ORIGINS" in said
        assert allowed(config, "https://a.example")
        assert not allowed(config, f"http://localhost:{port}")


@pytest.mark.parametrize("path", ["/", "/config.json"])
def test_another_name_for_this_machine_gets_no_token(
    served: tuple[str, int], path: str
) -> None:
    printed, port = served
    url = f"http://127.0.0.1:{port}{path}"

    for host in (f"rebound.example:{port}", f"127.0.0.1:{port}", "localhost"):
        answer = httpx.get(url, headers={"host": host})

        assert (answer.status_code, answer.text) == (302, "")
        assert answer.headers["location"] == f"{page_of(printed)}/"


@pytest.fixture(scope="module")
def page() -> Iterator[PageServer]:
    page = PageServer(0)
    with page.serving("http://127.0.0.1:8000", SECRET):
        yield page


def test_its_modules_and_styles_are_beside_it(page: PageServer) -> None:
    script = httpx.get(f"{page.origin}/main.js")
    style = httpx.get(f"{page.origin}/style.css")

    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert httpx.get(f"{page.origin}/page_server.py").status_code == 404
    assert httpx.get(f"{page.origin}/%2e%2e/page_server.py").status_code == 404


@pytest.mark.parametrize("path", ["/", "/config.json", "/main.js", "/other"])
def test_nothing_of_it_can_be_framed_sniffed_or_loaded_elsewhere(
    page: PageServer, path: str
) -> None:
    headers = httpx.get(page.origin + path).headers

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_the_page_may_only_ask_its_server_and_the_api(page: PageServer) -> None:
    policy = httpx.get(page.origin).headers["content-security-policy"]

    directives = policy.split("; ")
    assert "default-src 'none'" in directives
    assert "connect-src 'self' http://127.0.0.1:8000" in directives
    assert "frame-ancestors 'none'" in directives
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_a_browser_gives_the_token_to_this_page_alone(
    page: PageServer, site: str, status: int
) -> None:
    headers = {"sec-fetch-site": site}

    answer = httpx.get(f"{page.origin}/config.json", headers=headers)

    assert (answer.status_code, "token" in answer.text) == (status, status == 200)


def test_the_page_is_not_deployed() -> None:
    assert "page" not in (ROOT / "template.yaml").read_text().replace("pages", "")

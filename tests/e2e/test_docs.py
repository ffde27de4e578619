"""`/openapi.json` and `/docs` beside the API, on the local gateway alone."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from local.docs import WithDocs
from local.gateway import Gateway, server_config
from tests.e2e.conftest import Client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ask(database: str) -> Iterator[Client]:
    """Ask what `make run` serves."""
    server = uvicorn.Server(server_config(WithDocs(Gateway(ROOT), ROOT)))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield Client(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join()


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
    found = re.search(r'token = "([^"]+)"', page)
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
def test_everything_else_is_the_gateways(ask: Client, method: str, path: str) -> None:
    reply = ask(method, path)

    assert (reply.status, reply.json) == (404, {"message": "Not Found"})
    assert reply["apigw-requestid"]


def test_has_no_docs_where_it_is_deployed() -> None:
    template = (ROOT / "template.yaml").read_text()

    assert "docs" not in template
    assert "openapi" not in template

"""The README's lines about paging and retrying, over HTTP; and the largest requests."""

import json
import re
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from local.direct import token
from tests.support.gateway import Client, Reply, serving
from tests.support.project import ROOT


@pytest.fixture(scope="module")
def gateway(database: str) -> Iterator[Client]:
    with serving(ROOT) as client:
        yield client


class User:
    """A user whom no other test knows, over HTTP."""

    def __init__(self, gateway: Client, user_id: str) -> None:
        self.gateway, self.user_id = gateway, user_id
        self.tasks = f"/api/{quote(user_id, safe='')}/tasks"

    def send(self, method: str, path: str, body: object = None, **more: str) -> Reply:
        headers = [("Authorization", f"Bearer {token(self.user_id)}")]
        headers += [(name.replace("_", "-"), value) for name, value in more.items()]
        if body is None:
            return self.gateway(method, path, headers)
        headers.append(("Content-Type", "application/json"))
        return self.gateway(method, path, headers, json.dumps(body).encode())

    def pages(self, query: str) -> list[list[dict[str, object]]]:
        """Follow the links, as the README does."""
        pages, path = [], f"{self.tasks}?{query}"
        while path:
            reply = self.send("GET", path)
            assert reply.status == 200, reply.body
            pages.append(json.loads(reply.body))
            following = re.match(r'<([^>]+)>; rel="next"', reply["link"] or "")
            path = following[1] if following else ""
        return pages


@pytest.fixture
def user(gateway: Client) -> User:
    return User(gateway, f"auth0|{uuid.uuid4().hex}")


def test_pages_by_following_links(user: User) -> None:
    made = [
        user.send("POST", user.tasks, {"title": f"Buy {n}%"}).json for n in range(5)
    ]

    pages = user.pages("search=buy%20&limit=2&order=asc&x=%2F+a")

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [task for page in pages for task in page] == made


def test_a_link_that_would_be_too_long_can_be_followed(user: User) -> None:
    made = [user.send("POST", user.tasks, {"title": f"Buy {n}"}).json for n in range(3)]

    pages = user.pages("order=asc&search=buy&limit=1&x=" + '"' * 3500)

    assert [task for page in pages for task in page] == made


def test_retries_a_create(user: User) -> None:
    sent = {"Idempotency_Key": str(uuid.uuid4())}

    replies = [user.send("POST", user.tasks, {"title": "a"}, **sent) for _ in range(3)]

    assert [reply.status for reply in replies] == [201, 201, 201]
    assert [reply["idempotent-replayed"] for reply in replies] == [None, "true", "true"]
    assert len({reply.body for reply in replies}) == 1
    assert user.pages("") == [[replies[0].json]]
    other = user.send("POST", user.tasks, {"title": "b"}, **sent)
    assert (other.status, other.json["error"]) == (422, "idempotency_key_reused")


def test_does_not_lose_an_update(user: User) -> None:
    created = user.send("POST", user.tasks, {"title": "a"})
    path, etag = created["location"] or "", created["etag"] or ""

    unchanged = user.send("GET", path, If_None_Match=f'"x", W/{etag}')
    first = user.send("PATCH", path, {"title": "b"}, If_Match=etag)
    second = user.send("PATCH", path, {"title": "c"}, If_Match=etag)

    assert (unchanged.status, unchanged["etag"]) == (304, etag)
    assert (first.status, first.json["title"]) == (200, "b")
    assert (second.status, second.json["error"]) == (412, "precondition_failed")


def test_the_longest_titles_and_search_fit_into_a_request(gateway: Client) -> None:
    user = User(gateway, f"auth0|{uuid.uuid4().hex}")
    for _ in range(3):
        user.send("POST", user.tasks, {"title": "🎉" * 200})

    pages = user.pages(f"limit=1&sort=title&search={quote('🎉' * 200)}")

    assert [len(page) for page in pages] == [1, 1, 1]


@pytest.mark.parametrize("character", ["🎉", '"', "\\", "\n"], ids=ascii)
def test_the_largest_list_arrives(
    gateway: Client, database: str, character: str
) -> None:
    user = User(gateway, f"{'é' * 223}{uuid.uuid4().hex}")
    description = character * 5000
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO tasks (user_id, title, description)"
            " SELECT %s, %s, %s FROM generate_series(1, 201)",
            (user.user_id, "🎉" * 200, description),
        )

    pages = user.pages("")

    assert [len(page) for page in pages] == [200, 1]
    assert {task["description"] for page in pages for task in page} == {description}

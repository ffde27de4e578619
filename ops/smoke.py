"""`make smoke URL=https://…`: call the operations of a running stack as one user.

TOKEN is that user's token from the stack's Better Auth; without it, SMOKE_EMAIL,
SMOKE_PASSWORD and BETTER_AUTH_URL are used to sign in. For the local gateway, a token
is made. With ORIGIN, CORS must allow that origin. The user's other tasks aren't
touched; the check's own tasks are deleted, even if it fails, and stay in the trash. So
it neither empties the trash nor erases the user.
"""

import base64
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import SplitResult, quote, urlsplit

from dotenv import load_dotenv

from local.tokens import ROOT, development_secret_in_use, development_token
from ops import sign_in
from ops.web import Answer, Server, Unreachable, is_this_machine
from taskapi.errors import SettingsError
from taskapi.tasks.fields import NAMES

PLAN: Mapping[str, object] = {
    "priority": "High",
    "due_date": "2026-03-09T17:00",
    "time_zone": "Europe/Berlin",
    "recurrence": "weekly",
}
DUE = "2026-03-09T16:00:00.000000Z"
NO_FIELDS: Mapping[str, object] = {}


class CannotCheck(Exception):
    """The check can't begin; the message says in one sentence what to do."""


class CheckFailed(Exception):
    """The stack did something wrong; the message says what."""


def main() -> int:
    load_dotenv(ROOT / ".env")
    try:
        url = base_url(sys.argv[1] if len(sys.argv) == 2 else "")
        token = token_for(url)
        smoke = Smoke(url, token, subject(token))
    except (CannotCheck, SettingsError, sign_in.SignInFailed, Unreachable) as error:
        print(error, file=sys.stderr)
        return 1
    with closing(smoke.server):
        return smoke.run(os.environ.get("ORIGIN"))


def base_url(given: str) -> SplitResult:
    """Return the stack's URL; raise CannotCheck if a token must not be sent there."""
    try:
        url = urlsplit(given)
        host, _port = url.hostname, url.port
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or url.path not in ("", "/"):
        raise CannotCheck(
            f"{given!r} is not the URL of a stack: make smoke URL=https://…, "
            "the output ApiUrl of its deployment."
        )
    if url.scheme == "http" and not is_this_machine(host):
        raise CannotCheck("A token must not travel unencrypted: use https.")
    return url


def token_for(url: SplitResult) -> str:
    """Return TOKEN, or a token from signing in, or one for the local gateway."""
    if given := os.environ.get("TOKEN", "").strip():
        return given.removeprefix("Bearer ")
    email, password = os.environ.get("SMOKE_EMAIL"), os.environ.get("SMOKE_PASSWORD")
    if email and password:
        return sign_in.token(email, password)
    if is_this_machine(url.hostname or "") and (secret := development_secret_in_use()):
        return development_token("smoke", secret)
    raise CannotCheck(
        "A token of this stack's Better Auth is needed: set TOKEN, or SMOKE_EMAIL, "
        "SMOKE_PASSWORD and BETTER_AUTH_URL."
    )


def subject(token: str) -> str:
    """Return the token's user; raise CannotCheck if no stack would accept the token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * 3))
        user, expiry = str(claims["sub"]), float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise CannotCheck("TOKEN is not a JWT with a sub and an exp.") from None
    if (late := time.time() - expiry) > 0:
        raise CannotCheck(f"TOKEN expired {late:.0f} s ago; get another one.")
    return user


class Smoke:
    """The checks, in order; each builds on those before it."""

    def __init__(self, url: SplitResult, token: str, user: str) -> None:
        self.server = Server(url)
        self._authorization = {"authorization": f"Bearer {token}"}
        self._tasks = f"/api/{quote(user, safe='')}/tasks"
        self._trash = f"/api/{quote(user, safe='')}/trash"
        # In every title, so that a search finds only the tasks of this run.
        self._run = uuid.uuid4().hex
        self._writes = False
        self._checks = 0

    def run(self, origin: str | None) -> int:
        begun = time.perf_counter()
        failed = False
        try:
            self._visit(origin)
        except (CheckFailed, Unreachable):
            failed = True
        finally:
            if self._writes:
                failed = not self._cleaned_up() or failed
        if failed:
            print("The stack does not do what it should.")
            return 1
        seconds = time.perf_counter() - begun
        print(f"All {self._checks} checks passed in {seconds:.1f} s.")
        return 0

    @contextmanager
    def _check(self, sentence: str) -> Iterator[None]:
        """Print whether the check passed, and how long it took."""
        begun = time.perf_counter()
        try:
            yield
        except (CheckFailed, Unreachable) as error:
            print(f"FAILED {sentence}: {error}", flush=True)
            raise
        self._checks += 1
        milliseconds = (time.perf_counter() - begun) * 1000
        print(f"ok {milliseconds:6.0f} ms  {sentence}", flush=True)

    def _visit(self, origin: str | None) -> None:
        with self._check("is healthy"):
            healthy = expect(self.server.send("GET", "/health", {}), 200)
            require(healthy.json == {"status": "ok"}, "another body")
            expect(self.server.send("HEAD", "/health", {}), 200)
        if origin:
            with self._check(f"lets in pages of {origin}"):
                self._preflight(origin)
        with self._check("refuses a request without a token"):
            refused = expect(self.server.send("GET", self._tasks, {}), 401)
            require(refused.headers["www-authenticate"] == "Bearer", "no challenge")
        with self._check("lists, with the token"):
            require(self._listed() == [], "tasks that nobody has created")
        with self._check("creates, once for one Idempotency-Key"):
            first, tag = self._created_twice()
        with self._check("lists page by page"):
            second = expect(self._create(), 201).json
            require(self._listed() == [first, second], "other tasks than were created")
        with self._check("filters, and says when a list has not changed"):
            self._filter(first)
        with self._check("counts"):
            counts = expect(self._send("GET", f"{self._tasks}/summary"), 200).json
            require({"tag": self._run, "count": 1} in counts["tags"], "another count")
        path = f"{self._tasks}/{first['id']}"
        with self._check("reads, and says when nothing has changed"):
            require(expect(self._send("GET", path), 200).json == first, "another task")
            expect(self._send("GET", path, {"if-none-match": tag}), 304)
        with self._check("updates, and refuses to overwrite what is newer"):
            tag = self._updated(path, tag)
        with self._check("completes"):
            done = self._send("PATCH", f"{path}/complete", {"if-match": tag})
            require(expect(done, 200).json["completed"] is True, "a task still to do")
            following = done.json["next_task"] or {}
            require(following.get("recurrence") == "FREQ=WEEKLY", "no next task")
        with self._check("deletes"):
            expect(self._send("DELETE", path), 204)
            expect(self._send("GET", path), 404)
        with self._check("restores from the trash"):
            self._restored(path, first["id"])
        with self._check("clears nothing without being told what"):
            expect(self._send("DELETE", self._tasks), 422)

    def _preflight(self, origin: str) -> None:
        asked = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,idempotency-key",
        }
        headers = self.server.send("OPTIONS", self._tasks, asked).headers
        allowed = headers.get("access-control-allow-origin", "no origin")
        require(allowed in (origin, "*"), f"{allowed} is allowed")

    def _created_twice(self) -> tuple[dict[str, object], str]:
        key = {"idempotency-key": self._run}
        plan = {**PLAN, "tags": [self._run]}
        created = expect(self._create(key, plan), 201)
        task: dict[str, object] = created.json
        require(task.keys() == set(NAMES), "other fields than a task's")
        require(task["due_date"] == DUE, "another due date")
        replayed = expect(self._create(key, plan), 201)
        require(replayed.json == task, "a second task")
        require(
            replayed.headers["idempotent-replayed"] == "true", "no Idempotent-Replayed"
        )
        require(task["etag"] == created.headers["etag"], "another etag")
        return task, str(task["etag"])

    def _filter(self, task: dict[str, object]) -> None:
        path = f"{self._tasks}?tags={self._run}&priority=high,urgent&sort=due_date"
        listed = expect(self._send("GET", path), 200)
        require(listed.json == [task], "other tasks than the filter's")
        tag = {"if-none-match": listed.headers["etag"]}
        expect(self._send("GET", path, tag), 304)

    def _updated(self, path: str, tag: str) -> str:
        title = {"title": f"Smoke check {self._run}, updated"}
        updated = expect(self._send("PATCH", path, {"if-match": tag}, title), 200)
        require(updated.json["title"] == title["title"], "another title")
        refused = expect(self._send("PATCH", path, {"if-match": tag}, title), 412)
        require(refused.json["details"]["task"] == updated.json, "another task")
        return str(updated.json["etag"])

    def _restored(self, path: str, id: object) -> None:
        [deleted] = expect(self._send("GET", f"{self._trash}?limit=1"), 200).json
        require(deleted["id"] == id, "another task was deleted last")
        restored = expect(self._send("POST", f"{path}/restore"), 200).json
        require(restored["title"] == deleted["title"], "another title")
        require(restored["etag"] != deleted["etag"], "the old etag")
        expect(self._send("GET", path), 200)

    def _cleaned_up(self) -> bool:
        try:
            with self._check("leaves nothing behind"):
                everything = f"{self._tasks}?search={self._run}"
                for task in expect(self._send("GET", everything), 200).json:
                    expect(self._send("DELETE", f"{self._tasks}/{task['id']}"), 204)
                require(self._listed() == [], "there are still tasks")
        except (CheckFailed, Unreachable):
            print(f"Tasks with {self._run} in their title are left; delete them.")
            return False
        return True

    def _create(
        self,
        headers: dict[str, str] | None = None,
        fields: Mapping[str, object] = NO_FIELDS,
    ) -> Answer:
        self._writes = True
        body = {"title": f"Smoke check {self._run}", **fields}
        return self._send("POST", self._tasks, headers, body)

    def _listed(self) -> list[dict[str, object]]:
        """Return the tasks of this run, oldest first, in pages of one."""
        tasks: list[dict[str, object]] = []
        path = f"{self._tasks}?search={self._run}&order=asc&limit=1"
        while path:
            answer = expect(self._send("GET", path), 200)
            tasks += answer.json
            link = re.match(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
            path = link[1] if link else ""
        return tasks

    def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        return self.server.send(
            method, path, self._authorization | (headers or {}), body
        )


def expect(answer: Answer, status: int) -> Answer:
    """Return the answer; raise CheckFailed if it has another status."""
    if answer.status == status:
        return answer
    said = answer.json if isinstance(answer.json, dict) else {}
    what = f"{answer.status} {said.get('message', '')}".strip()
    request = answer.headers.get("x-request-id") or answer.headers["apigw-requestid"]
    hint = ""
    if answer.status == 401:
        hint = "; is the token from this stack's Better Auth? make doctor says more"
    raise CheckFailed(f"{what} instead of {status} (request {request}){hint}")


def require(holds: bool, otherwise: str) -> None:
    """Raise CheckFailed unless it holds."""
    if not holds:
        raise CheckFailed(otherwise)


if __name__ == "__main__":
    sys.exit(main())

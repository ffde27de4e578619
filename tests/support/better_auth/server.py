"""Real Better Auths, installed from a lock file once and run by one node."""

import atexit
import fcntl
import json
import os
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path

import pytest

from local.direct import SECRET

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"


def install(folder: Path = FOLDER) -> Path:
    """Install from folder's lock file, once for all workers; return where. If the lock
    file changes, install again.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("node and npm are needed for these tests")
        pytest.skip("node and npm aren't installed: no test that needs them")
    # npm ci removes node_modules first, so the lock is on a file that stays.
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = lock.read()
        installed = folder / "node_modules" / ".installed"
        if not installed.exists() or installed.read_text() != wanted:
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
            )
            installed.write_text(wanted)
    return installed.parent


@dataclass(frozen=True)
class User:
    """A user who has signed up: their id, and their session's cookie."""

    id: str
    cookie: str


@dataclass
class BetterAuth:
    """A running Better Auth."""

    origin: str
    running: bool = True

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def request(
        self, path: str, body: object = None, cookie: str = ""
    ) -> tuple[Message, str]:
        """Return the headers and the text of the answer to a GET or POST."""
        headers = {"content-type": "application/json", "origin": self.origin}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            self.origin + path, data, headers | ({"cookie": cookie} if cookie else {})
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as response:
            return response.headers, response.read().decode()

    def sign_up(self, path: str = "/api/auth") -> User:
        email = f"{uuid.uuid4().hex}@example.com"
        account = {"name": "Zoë", "email": email, "password": "correct horse battery"}
        headers, text = self.request(f"{path}/sign-up/email", account)
        cookies = headers.get_all("set-cookie", [])
        return User(
            json.loads(text)["user"]["id"],
            "; ".join(cookie.partition(";")[0] for cookie in cookies),
        )

    def token(self, user: User, path: str = "/api/auth") -> str:
        _, text = self.request(f"{path}/token", cookie=user.cookie)
        token: str = json.loads(text)["token"]
        return token

    def rotate(self) -> None:
        """Let the keys expire; the next token is signed with a new one."""
        self.request("/rotate", {})

    def stop(self) -> None:
        if self.running:
            order(stop=self.port)
        self.running = False


@cache
def node() -> subprocess.Popen[str]:
    """Return the process that runs all Better Auths of this one.

    Each has a port, a database and keys of its own. Most of what they cost is importing
    the library.
    """
    process = subprocess.Popen(
        ["node", "server.mjs"],
        cwd=FOLDER,
        env={
            "PATH": os.environ["PATH"],
            "BETTER_AUTH_SECRET": SECRET,
            "BETTER_AUTH_TELEMETRY": "0",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)
    return process


def order(**what: object) -> str:
    """Have node start or stop a Better Auth; return its origin."""
    process = node()
    assert process.stdin
    assert process.stdout
    print(json.dumps(what), file=process.stdin, flush=True)
    lines = (line.strip() for line in process.stdout)
    answers = (line for line in lines if line.startswith(("http://", "failed: ")))
    answer = next(answers, "node has ended")
    assert answer.startswith("http://"), answer
    return answer


@contextmanager
def better_auth(
    algorithm: str = "EdDSA", *, port: int = 0, module: Path = FOLDER / "auth.mjs"
) -> Iterator[BetterAuth]:
    """Run Better Auth.

    port: 0 for any. module: where `auth` is exported, below this folder.
    """
    install()
    issuer = BetterAuth(order(port=port, module=str(module), env={"ALG": algorithm}))
    try:
        yield issuer
    finally:
        issuer.stop()

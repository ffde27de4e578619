"""`make sam-local`: run the build in Lambda's own container images.

Before the build, `prepare` checks that this can work. `run` starts the gateway of `sam
local`, or sends one function its event from events/.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import load_dotenv

from local.sample_events import FOLDER, TOKEN
from local.template import TemplateError, load_template, read_template
from local.tokens import (
    LOCAL,
    ROOT,
    development_secret,
    development_secret_in_use,
    development_token,
    is_configured,
    why_no_token,
)
from taskapi.settings import urls

SAM_VENV = ROOT / ".venv-sam" / "bin"

HOST_NAMES = (
    "host.docker.internal with Docker Desktop, host.containers.internal with podman, "
    "the address of the bridge (ip -4 addr show docker0) with Docker Engine on Linux"
)
"""The names of the machine in its containers; `sam local` can't add another."""

SETTINGS = (
    "DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "BETTER_AUTH_JWKS_URL",
    "BETTER_AUTH_ISSUER",
    "BETTER_AUTH_AUDIENCE",
)


class CannotRun(Exception):
    """sam local can't run; the message says in one line what to do."""


def main() -> int:
    load_dotenv(ROOT / ".env")
    try:
        match sys.argv[1:]:
            case ["prepare", *function]:
                for name in function:
                    folder_of(name)
                function_settings()
                check_containers()
            case ["run", folder, architecture, *function]:
                run(Path(folder), architecture, *function)
            case _:
                raise CannotRun("Usage: make sam-local [FUNCTION=GetTask]")
    except (CannotRun, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def function_settings() -> dict[str, str]:
    """Return the functions' settings; raise CannotRun if they can't work in containers.

    `SECRET_ARN` is empty: there is no Secrets Manager here.
    """
    found = {name: os.environ[name] for name in SETTINGS if os.environ.get(name)}
    if "DATABASE_URL" not in found:
        raise CannotRun(
            "DATABASE_URL is needed: a container can't reach the database of make run."
        )
    if is_loopback(found["DATABASE_URL"]):
        raise CannotRun(
            "DATABASE_URL leads to this machine's own address, which in a container is "
            f"the container: write {HOST_NAMES}, and have the server listen there."
        )
    for name in ("BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"):
        # Functions fetch keys over plain http only from their own machine, which is the
        # container.
        if found.get(name, "https:").partition(":")[0].lower() != "https":
            raise CannotRun(
                f"{name} must begin with https:// here, because the functions are in "
                "containers. Without it, sam-local makes tokens of its own: make token."
            )
    if not is_configured():
        found["BETTER_AUTH_SECRET"] = development_secret(LOCAL)
    return {**found, "SECRET_ARN": ""}


def is_loopback(url: str) -> bool:
    """Return whether a URL leads only to this machine, by its name or by a socket."""
    host = (urlsplit(url).hostname or "localhost").lower()
    named = host.endswith(".localhost") or "%2f" in host
    return named or urls.is_loopback(host)


def check_containers() -> None:
    """Raise CannotRun if the container engine doesn't answer."""
    ask = [str(SAM_VENV / "python"), "-c", "import docker; docker.from_env().ping()"]
    if subprocess.run(ask, capture_output=True, check=False).returncode:
        raise CannotRun(
            "sam local runs functions in containers: start Docker, or set DOCKER_HOST "
            "to podman's socket (unix://…/podman.sock)."
        )


def run(folder: Path, architecture: str, function: str = "") -> None:
    """Replace this process with `sam local`."""
    environment = function_settings()
    command = [
        "sam",
        "local",
        *(("invoke", function, "--event", "-") if function else ("start-api",)),
        "--template",
        str(declare(folder, environment)),
        "--env-vars",
        str(write(LOCAL / "sam-local.json", {"Parameters": environment})),
        "--parameter-overrides",
        f"Architecture={architecture}",
    ]
    if function:
        put_on_stdin(event_for(function))
    else:
        # Keep one container for each function; by default, each request gets a new one.
        command += ["--warm-containers", "LAZY"]
        command += ["--port", os.environ.get("PORT") or "8000"]
    os.execv(SAM_VENV / "sam", command)  # noqa: S606


def declare(folder: Path, environment: Mapping[str, str]) -> Path:
    """Write a copy of the built template that also declares these variables.

    sam local passes on no variable that the template doesn't have.
    """
    template = read_template(folder / "template.yaml")
    match template:
        case {"Globals": {"Function": {"Environment": {"Variables": dict(variables)}}}}:
            variables |= dict.fromkeys(environment.keys() - variables.keys(), "")
        case _:
            raise CannotRun("template.yaml has no variables for all functions")
    return write(folder / "sam-local.json", template)


def folder_of(function: str) -> str:
    """Return the name of a function's folder; raise CannotRun if it is unknown."""
    folders = {
        each.name: each.folder.name
        for each in load_template(ROOT / "template.yaml").functions
    }
    if function not in folders:
        raise CannotRun(f"FUNCTION must be one of {', '.join(folders)}.")
    return folders[function]


def event_for(function: str) -> str:
    """Return the function's event, with a token if the clone's own secret is used."""
    event = (FOLDER / f"{folder_of(function)}.json").read_text(encoding="utf-8")
    if f"Bearer {TOKEN}" not in event:
        return event
    secret = development_secret_in_use()
    if secret is None:
        print(why_no_token(), file=sys.stderr)
        return event
    user = json.loads(event)["pathParameters"]["user_id"]
    return event.replace(f"Bearer {TOKEN}", f"Bearer {development_token(user, secret)}")


def put_on_stdin(event: str) -> None:
    readable, writable = os.pipe()
    # An event fits into the pipe's buffer, so writing doesn't wait for a reader.
    os.write(writable, event.encode())
    os.close(writable)
    os.dup2(readable, 0)


def write(path: Path, content: object) -> Path:
    """Write JSON that only its owner can read; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # Its mode is 0600.
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    return Path(name).replace(path)


if __name__ == "__main__":
    sys.exit(main())

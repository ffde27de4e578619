"""`make run`, as a newcomer types it: processes, a terminal's output, real HTTP."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest

from local.__main__ import CannotRun, listen
from local.waiting import eventually
from tests.support.make_run import copied, environment, running
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """Return a copy of what is deployed and served, with no data of its own yet.

    Not in pytest's folder: where root runs the tests, Postgres runs as another user,
    to whom pytest closes that folder whenever it starts.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield copied(Path(folder))


def curl_lines(printed: str) -> list[str]:
    return re.findall(r"^curl .*$", printed, re.MULTILINE)


def run_line(line: str) -> object:
    """Run a printed line as it is, in a shell."""
    shell = ["sh", "-c", line]
    ran = subprocess.run(shell, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_the_printed_lines_create_and_list_a_task_that_survives(clone: Path) -> None:
    with running(clone) as (printed, _):
        create, listing = curl_lines(printed)
        task = run_line(create)
        assert run_line(listing) == [task]

    with running(clone) as (printed, _):
        assert run_line(curl_lines(printed)[1]) == [task]


def test_another_users_token_is_accepted(clone: Path, database: str) -> None:
    with running(clone, DATABASE_URL=database) as (printed, _):
        made = subprocess.run(
            [sys.executable, "-m", "local.tokens", "alice"],
            cwd=clone,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        [base] = re.findall(r"^The API is at (\S+)$", printed, re.MULTILINE)
        answer = httpx.get(
            f"{base}/api/alice/tasks",
            headers={"authorization": f"Bearer {made.stdout.strip()}"},
            timeout=120,
        )

    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", made.stdout)
    assert (answer.status_code, answer.json()) == (200, [])


def test_the_terminal_shows_requests_and_enter_the_addresses_again(
    clone: Path, database: str
) -> None:
    keyboard, terminal = pty.openpty()
    with running(clone, terminal, DATABASE_URL=database) as (printed, process):
        assert process.stdout
        tasks = re.findall(r"^curl (\S+)", printed, re.MULTILINE)[0]
        httpx.get(f"{tasks}?search=milk")
        rest = process.stdout
        line = next(line for line in rest if line.startswith("GET "))
        os.write(keyboard, b"\n")
        again = next(line for line in rest if line.startswith("The API is at "))
    os.close(terminal)
    os.close(keyboard)

    assert re.fullmatch(
        r"GET /api/demo/tasks  401  \d+ ms, cold start  Missing bearer token\n", line
    )
    assert again in printed


def test_a_log_format_that_there_is_not_is_one_line(clone: Path) -> None:
    assert failure(clone, LOG="xml").startswith("LOG must be json, ")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_signal_ends_all_that_it_started(clone: Path, sent: signal.Signals) -> None:
    with running(clone) as (printed, process):
        run_line(curl_lines(printed)[1])
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(sent)
        code = process.wait(120)

    _, alive = psutil.wait_procs(started, timeout=120)
    assert started
    assert alive == []
    assert code == 0


def failure(clone: Path, *command: str, **settings: str) -> str:
    """Return the one line that it refuses to run with."""
    ran = subprocess.run(
        [sys.executable, "-m", "local", *command],
        cwd=clone,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    [line] = ran.stderr.splitlines()
    return line


def test_a_taken_port_is_one_line(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        line = failure(clone, PORT=str(port))

    assert line == (
        f"Port {port} is taken, perhaps by make run: stop it, or PORT={port + 1} "
        "make run"
    )


def test_a_taken_port_runs_no_command(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        line = failure(clone, "touch", "example", PORT=str(port))

    assert line.endswith("make example")
    assert not (clone / "example").exists()


def test_ends_with_the_status_of_the_command(clone: Path, database: str) -> None:
    port = str(free_port())
    command = ("sh", "-c", f"test $PORT = {port} && exit 7")

    ran = subprocess.run(
        [sys.executable, "-m", "local", *command],
        cwd=clone,
        env=environment(DATABASE_URL=database, PORT=port),
        check=False,
    )

    assert ran.returncode == 7


def test_a_signal_ends_the_command(clone: Path, database: str) -> None:
    with running(clone, None, ("sleep", "600"), DATABASE_URL=database) as (_, process):
        api = psutil.Process(process.pid)
        started = eventually(
            lambda: [each for each in api.children() if each.name() == "sleep"]
        )
        process.send_signal(signal.SIGINT)
        code = process.wait(120)

    _, alive = psutil.wait_procs(started, timeout=120)
    assert alive == []
    assert code == 0


def test_a_bad_port_is_one_line(clone: Path) -> None:
    assert failure(clone, PORT="http") == (
        "PORT must be a number from 1 to 65535, not 'http'."
    )


def test_a_short_secret_is_refused_without_showing_it(
    clone: Path, database: str
) -> None:
    line = failure(
        clone, PORT=str(free_port()), DATABASE_URL=database, BETTER_AUTH_SECRET="short1"
    )

    assert "BETTER_AUTH_SECRET is shorter than 32 bytes" in line
    assert "short1" not in line


def test_a_bad_origin_is_one_line_before_anything_starts(clone: Path) -> None:
    origins = "https://a.example,http://localhost:3000/"

    line = failure(clone, PORT=str(free_port()), ALLOWED_ORIGINS=origins)

    assert line.startswith("ALLOWED_ORIGINS: origin 2 of 2 has a path")


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("none.invalid", id="unknown name"),
        pytest.param("192.0.2.1", id="of another machine"),
        pytest.param("http://0.0.0.0", id="a URL"),
    ],
)
def test_a_bad_host_is_one_line(host: str) -> None:
    message = r"HOST must be an address of this machine: 127.0.0.1, or 0.0.0.0 for all."

    with pytest.raises(CannotRun, match=f"^{message}$"), listen(host, 0):
        pytest.fail("it listens")


def test_another_host_is_a_warning_and_no_token_for_others(
    clone: Path, database: str
) -> None:
    with running(clone, DATABASE_URL=database, HOST="0.0.0.0") as (printed, _):
        [base] = re.findall(r"^The API is at (\S+)$", printed, re.MULTILINE)

        assert "Warning: HOST lets other devices in this network reach" in printed
        assert base.startswith("http://127.0.0.1:")
        assert httpx.get(f"{base}/health").status_code == 200
        assert "Its documentation" not in printed
        assert httpx.get(f"{base}/docs").status_code == 404


def test_says_where_tokens_come_from_and_how_to_get_a_page(
    clone: Path, database: str
) -> None:
    settings = {"DATABASE_URL": database, "BETTER_AUTH_URL": "http://localhost:3000"}
    with running(clone, until="Each request", **settings) as (printed, _):
        pass

    assert "Better Auth at http://localhost:3000 (BETTER_AUTH_URL).\n" in printed
    assert "A page" not in printed
    assert "to-do page: BETTER_AUTH_URL= make run\n" in printed
    assert "eyJ" not in printed


def test_serves_the_database_that_is_set(clone: Path, database: str) -> None:
    with running(clone, DATABASE_URL=database) as (printed, _):
        create, listing = curl_lines(printed)
        assert run_line(create) in run_line(listing)  # type: ignore[operator]

    assert "Starting Postgres" not in printed


def test_hands_out_no_token_of_a_secret_that_is_set(clone: Path, database: str) -> None:
    secret = "from the file .env " * 3
    (clone / ".env").write_text(f"BETTER_AUTH_SECRET={secret}")
    try:
        settings = {"until": "Each request", "DATABASE_URL": database}
        with running(clone, **settings) as (printed, _):
            [docs] = re.findall(r"Its documentation: (\S+)", printed)
            page = httpx.get(docs).raise_for_status().text
    finally:
        (clone / ".env").unlink()

    assert "come from Better Auth (BETTER_AUTH_SECRET).\n" in printed
    assert "eyJ" not in printed
    assert "eyJ" not in page
    assert "A page" not in printed
    assert secret not in printed

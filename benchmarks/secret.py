"""What settings from Secrets Manager cost a cold start: `python -m benchmarks.secret`.

Stand-ins on this machine answer like the service and like AWS's Parameters and Secrets
extension, after 5 ms. They use plain HTTP, so the row of boto3 doesn't contain the
service's TLS.
"""

import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypedDict
from urllib.parse import parse_qs, urlsplit

from benchmarks import artifacts, results
from benchmarks.emulator import environment
from benchmarks.instructions import count_instructions
from benchmarks.world import Case, database, events, hs256_settings, serve_json

LATENCY = 0.005

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tasks-AbCdEf"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "of the benchmark",
    "AWS_SESSION_TOKEN": "of the session",
}

BASE = "environment"
LATE = "extension-late"
ROWS = {
    BASE: "settings in the environment",
    "extension": "from the extension",
    LATE: "from the extension, which serves nothing in the init phase",
    "boto3": "by Powertools and boto3",
}


class Row(TypedDict):
    """Milliseconds of each environment; instructions, if they can be counted."""

    wall: list[float]
    cpu: list[float]
    instructions: int | None


class Vault:
    """Holds the secret, and answers like the service and like the extension."""

    def __init__(self, secret: Mapping[str, str]) -> None:
        self.ready = threading.Event()
        self.ready.set()
        self.asked = {"service": 0, "extension": 0}
        held = {"ARN": ARN, "Name": "tasks", "VersionId": "of this run"}
        self._body = json.dumps(held | {"SecretString": json.dumps(secret)}).encode()

    def service(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        time.sleep(LATENCY)
        self.asked["service"] += 1
        return 200, self._body

    def extension(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Answer as the developer guide says, also while the extension isn't ready."""
        given = {name.lower(): value for name, value in headers.items()}
        if (
            given.get("x-aws-parameters-secrets-token")
            != CREDENTIALS["AWS_SESSION_TOKEN"]
        ):
            return 401, b"the token is missing or wrong"
        if not self.ready.is_set():
            return 400, b"not ready to serve traffic, please wait"
        url = urlsplit(path)
        if url.path != "/secretsmanager/get" or parse_qs(url.query) != {
            "secretId": [ARN]
        }:
            return 400, b"no such secret"
        time.sleep(LATENCY)
        self.asked["extension"] += 1
        return 200, self._body


@contextmanager
def vault(secret: Mapping[str, str]) -> Iterator[tuple[Vault, dict[str, str]]]:
    """Yield the vault, and the settings with which functions find it."""
    kept = Vault(secret)
    with serve_json(kept.service) as service, serve_json(kept.extension) as extension:
        yield (
            kept,
            {
                "SECRET_ARN": ARN,
                "AWS_ENDPOINT_URL_SECRETS_MANAGER": service,
                "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(urlsplit(extension).port),
                **CREDENTIALS,
            },
        )


def cases(url: str, to_vault: Mapping[str, str], names: list[str]) -> list[Case]:
    """Return the cases; all can import boto3, as in Lambda."""
    artifact = artifacts.ours()
    path = {"PYTHONPATH": f"{artifact.python_path}:{artifacts.boto3()}"}

    def settings(name: str) -> dict[str, str]:
        if name == BASE:
            return hs256_settings(url) | CREDENTIALS
        if name == "boto3":
            port = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
            return {key: value for key, value in to_vault.items() if key != port}
        return dict(to_vault)

    return [Case(name, artifact, events(), settings(name) | path) for name in names]


def sample(case: Case, kept: Vault) -> tuple[float, float]:
    """Return the milliseconds of a new environment's first answer: wall and CPU."""
    kept.asked.update(service=0, extension=0)
    kept.ready.set()
    if case.name == LATE:
        kept.ready.clear()

    def watch(line: str) -> None:
        if "INIT RTDONE" in line:
            kept.ready.set()

    with environment(case, watch) as started:
        taken = started.invoke(), started.cpu()
    if case.name == "extension" and not (
        kept.asked["extension"] and not kept.asked["service"]
    ):
        sys.exit(f"the secret didn't come from the extension: {kept.asked}")
    return taken


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each source of settings."""
    rows: dict[str, Row] = {
        name: {"wall": [], "cpu": [], "instructions": None} for name in names
    }
    with database() as url, vault(hs256_settings(url)) as (kept, to_vault):
        measured = cases(url, to_vault, names)
        for each in measured:
            if each.name != LATE:
                rows[each.name]["instructions"] = count_instructions(each)
        for run in range(runs):
            for each in measured:
                wall, cpu = sample(each, kept)
                rows[each.name]["wall"].append(round(wall, 1))
                rows[each.name]["cpu"].append(round(cpu, 1))
            print(f"run {run + 1} of {runs}", file=sys.stderr)
    return rows


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    walls = {name: statistics.median(row["wall"]) for name, row in rows.items()}
    counts = {
        name: row["instructions"] for name, row in rows.items() if row["instructions"]
    }
    return results.table(
        ["", "cold, ms", "ratio", "CPU, ms", "instructions", "ratio"],
        [
            [
                ROWS[name],
                results.least_and_median(row["wall"]),
                results.ratio(walls[name], walls, BASE),
                results.least_and_median(row["cpu"]),
                f"{counts[name] / 1e9:.2f} G" if name in counts else "-",
                results.ratio(counts[name], counts, BASE) if name in counts else "-",
            ]
            for name, row in rows.items()
        ],
    )


def main() -> None:
    asked = results.parse_options(__doc__, ROWS, runs=12)
    rows = measure(asked.only, asked.runs)
    print(table(rows))
    if asked.save:
        results.save("secret", {"runs": asked.runs, "rows": rows})


if __name__ == "__main__":
    main()

"""`make rehearse`: run the commands of docs/deploying.md on an emulator of AWS.

Between them it checks that an update reaches the alias live, also with the same commit
and after a rollback; that a function without its policy can't read the secret; and that
GitHub's role can deploy the stage and no more.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import jwt
from botocore.exceptions import ClientError

from local.tokens import ROOT, development_token
from ops.rehearsal import changes
from ops.rehearsal.emulator import ACCOUNT, CannotStart, running
from ops.web import Server

PAGE = ROOT / "docs" / "deploying.md"
REPOSITORY = "example/tasks"
GITHUB = "token.actions.githubusercontent.com"

CONTRACT = (
    "tests/integration/test_operations.py",
    "tests/integration/test_bodies.py",
    "tests/integration/test_fields.py",
    "tests/integration/test_query.py",
    "tests/integration/test_task_ids.py",
    "tests/integration/test_callers.py",
    "tests/integration/test_conditional.py",
)
"""The tests that send requests to the API's URL."""

EMULATED_OTHERWISE = {
    "test_deletes_a_task": "the emulator adds a Content-Type to a 204",
    "test_says_that_the_caller_has_it_already": "and to a 304",
    "test_every_answer_has_the_common_headers": "the gateway makes the request's id",
    "latin-1": "the emulator changes a body that isn't UTF-8",
    "test_says_why_a_body_cannot_be_read": "the same",
    "HEAD": "an answer to HEAD has no body",
}
"""Tests that fail with the emulator, by a part of their name, with the reason."""

Environment = dict[str, str]


class Failed(Exception):
    """The rehearsal ends here; the message says why."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the step's name, and how long it took."""
    begun = time.monotonic()
    try:
        yield
    except (Failed, ClientError) as error:
        print(f"FAILED      {name}: {error}", flush=True)
        raise Failed("The rehearsal failed.") from error
    print(f"ok {time.monotonic() - begun:6.1f} s  {name}", flush=True)


@dataclass
class Terminal:
    """A shell that keeps exported variables from one run to the next."""

    environment: Environment
    folder: Path

    def run(self, lines: str, **more: str) -> str:
        """Return what commands of a page print; raise Failed if one fails."""
        exports = self.folder / "exports"
        script = f"set -euo pipefail\n{lines}\nenv -0 > '{exports}'\n"
        ran = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=ROOT,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise Failed(f"{lines}\n{ran.stdout}")
        pairs = (line.split("=", 1) for line in exports.read_text().split("\0") if line)
        exported = dict(pairs)
        self.environment |= {
            name: value for name, value in exported.items() if name not in more
        }
        return ran.stdout

    def client(self, service: str) -> Any:  # noqa: ANN401
        """Return a boto3 client for the emulator, with this shell's credentials."""
        return client(service, self.environment)


def client(service: str, environment: Environment) -> Any:  # noqa: ANN401
    return boto3.client(
        service,
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
    )


def blocks(page: str, section: str) -> list[str]:
    """Return a section's commands, without the values that an operator fills in."""
    _, _, rest = page.partition(f"\n## {section}\n")
    found = re.findall(r"^```sh\n(.*?)^```$", rest.partition("\n## ")[0], re.M | re.S)
    return [block for block in found if not block.startswith("# fill in")]


def main() -> int:
    try:
        rehearse(Path(sys.argv[1]))
    except (Failed, CannotStart) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def rehearse(build: Path) -> None:
    begun = time.monotonic()
    print("Starting an emulator of AWS and a Postgres …", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="tasks-rehearsal-") as folder,
        running(free_port()) as emulator,
    ):
        home = {"HOME": folder, "LANG": "C.UTF-8", "SAM_CLI_POLL_DELAY": "0.5"}
        home |= {"BUILT": "1", "CI": "true"}
        given = {"BUILD_DIR": str(build), "REPOSITORY": REPOSITORY}
        os.environ |= {k: v for k, v in emulator.items() if k.startswith("AWS_")}
        terminal = Terminal({**emulator, **home, **given}, Path(folder))
        with step("makes only the changes that the emulator needs"):
            if needless := changes.obsolete():
                raise Failed(f"The emulator can do it now: {'; '.join(needless)}")
        follow(terminal, "1. The database", "2. Two secrets", "4. The first deployment")
        with step("keeps the contract over HTTP"):
            keep_contract(terminal)
        follow(terminal, "5. Deployments from GitHub")
        pipeline = as_github(terminal)
        with step("lets no role out of its boundary"):
            stay_within_boundary(terminal)
        with step("updates the same commit's alias, by GitHub's role"):
            update(terminal, pipeline)
        with step("deploys the same commit again after a rollback"):
            deploy_after_rollback(terminal)
        follow(terminal, "Deleting a stage")
        with step("leaves nothing of the stack"):
            expect_nothing_left(terminal)
        print(f"Stopping both, after {time.monotonic() - begun:.0f} s.", flush=True)
    print(f"All of docs/deploying.md works, in {time.monotonic() - begun:.0f} s.")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def follow(terminal: Terminal, *sections: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for section in sections:
        with step(f"docs/deploying.md: {section}"):
            found = blocks(page, section)
            if not found:
                raise Failed("The page has no such section, or no lines in it.")
            for block in found:
                terminal.run(block)


def keep_contract(terminal: Terminal) -> None:
    others = " or ".join(f"({part})" for part in EMULATED_OTHERWISE)
    terminal.run(
        f".venv/bin/python -m pytest -q -n 2 -k 'not ({others})' {' '.join(CONTRACT)}",
        API_URL=terminal.environment["URL"],
        API_SECRET=terminal.environment["BETTER_AUTH_SECRET"],
        DATABASE_URL=terminal.environment["ADMIN_URL"].replace("/postgres?", "/tasks?"),
        BETTER_AUTH_SECRET="",
    )


def as_github(terminal: Terminal) -> Environment:
    """Return the environment of a job; raise Failed if other jobs get the role too."""
    outputs = stack_outputs(terminal, "deploy-tasks-dev")
    environment = dict(terminal.environment)
    with step("gives GitHub's role to the stage's environment alone"):
        for claim in ("environment:prod", "ref:refs/heads/main", "pull_request"):
            must_be_denied(
                lambda claim=claim: assume(terminal, outputs["DeployerArn"], claim)
            )
        given = assume(terminal, outputs["DeployerArn"], "environment:dev")
        environment |= {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "STACK_ROLE_ARN": outputs["StackArn"],
            "PERMISSIONS_BOUNDARY_ARN": outputs["BoundaryArn"],
        }
        secrets = client("secretsmanager", environment)
        must_be_denied(
            lambda: secrets.get_secret_value(SecretId=environment["SECRET_ARN"])
        )
    return environment


def assume(terminal: Terminal, role: str, claim: str) -> dict[str, str]:
    token = jwt.encode(
        {
            "iss": f"https://{GITHUB}",
            "aud": "sts.amazonaws.com",
            "sub": f"repo:{REPOSITORY}:{claim}",
        },
        "the emulator checks no signature, so any key",
        "HS256",
    )
    answer = terminal.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="rehearsal", WebIdentityToken=token
    )
    credentials: dict[str, str] = answer["Credentials"]
    return credentials


def stay_within_boundary(terminal: Terminal) -> None:
    """Give a role everything within the boundary, and check what it can read."""
    outputs = stack_outputs(terminal, "deploy-tasks-dev")
    iam, sts = terminal.client("iam"), terminal.client("sts")
    trust = statement(Action="sts:AssumeRole", Principal={"AWS": ACCOUNT})
    role = iam.create_role(
        RoleName="tasks-dev-Greedy",
        AssumeRolePolicyDocument=trust,
        PermissionsBoundary=outputs["BoundaryArn"],
    )["Role"]
    everything = statement(Action="*", Resource="*")
    iam.put_role_policy(
        RoleName="tasks-dev-Greedy", PolicyName="All", PolicyDocument=everything
    )
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="greedy")[
        "Credentials"
    ]
    greedy = {
        **terminal.environment,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    secrets, own = client("secretsmanager", greedy), greedy["SECRET_ARN"]
    secrets.get_secret_value(SecretId=own)
    other = greedy["MIGRATION_SECRET_ARN"]
    must_be_denied(lambda: secrets.get_secret_value(SecretId=other))
    must_be_denied(lambda: client("iam", greedy).create_user(UserName="greedy"))
    iam.delete_role_policy(RoleName="tasks-dev-Greedy", PolicyName="All")
    iam.delete_role(RoleName="tasks-dev-Greedy")


def statement(**given: object) -> str:
    allow = {"Effect": "Allow", **given}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def update(terminal: Terminal, pipeline: Environment) -> None:
    """Deploy like the workflow, with another parameter and without one policy."""
    before = live(terminal, "GetTask")
    # SAM's bucket refuses requests without TLS, except from root.
    [bucket] = terminal.client("s3").list_buckets()["Buckets"]
    terminal.client("s3").delete_bucket_policy(Bucket=bucket["Name"])
    iam = terminal.client("iam")
    missing = {
        "RoleName": physical(terminal, "ListTasksRole"),
        "PolicyArn": physical(terminal, "ReadSecret"),
    }
    iam.detach_role_policy(**missing)
    job = Terminal(dict(pipeline), terminal.folder)
    job.run('make migrate SECRET_ARN="$MIGRATION_SECRET_ARN"')
    job.run(deploy("BetterAuthUrl=https://auth.example.com"))
    after = live(terminal, "GetTask")
    found = after["Environment"]["Variables"]["BETTER_AUTH_URL"]
    if found != "https://auth.example.com" or after["Version"] == before["Version"]:
        raise Failed(f"The alias live is still at {before['Version']}.")
    # New versions haven't read the secret yet, and list_tasks may not.
    statuses = [ask(terminal, "list"), ask(terminal, "get")]
    if statuses != [500, 404]:
        raise Failed(f"list_tasks and get_task answered {statuses}.")
    iam.attach_role_policy(**missing)


def deploy(parameters: str = "") -> str:
    return f'make deploy STAGE="$STAGE" PARAMETERS="{parameters}"'


def live(terminal: Terminal, function: str) -> dict[str, Any]:
    """Return the configuration of the version at the alias live."""
    found: dict[str, Any] = terminal.client("lambda").get_function_configuration(
        FunctionName=physical(terminal, function), Qualifier="live"
    )
    alias = terminal.client("lambda").get_alias(
        FunctionName=physical(terminal, function), Name="live"
    )
    return {**found, "Version": alias["FunctionVersion"]}


def physical(terminal: Terminal, name: str) -> str:
    found = terminal.client("cloudformation").describe_stack_resource(
        StackName="tasks-dev", LogicalResourceId=name
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def ask(terminal: Terminal, operation: str) -> int:
    token = development_token("rehearsal", terminal.environment["BETTER_AUTH_SECRET"])
    path = "/api/rehearsal/tasks" + ("/1" if operation == "get" else "")
    with closing(Server(urlsplit(terminal.environment["URL"]))) as server:
        return server.send("GET", path, {"authorization": f"Bearer {token}"}).status


def deploy_after_rollback(terminal: Terminal) -> None:
    """Point the alias at the previous version, as docs/operations.md says; deploy."""
    now = live(terminal, "GetTask")["Version"]
    terminal.client("lambda").update_alias(
        FunctionName=physical(terminal, "GetTask"),
        Name="live",
        FunctionVersion=str(int(now) - 1),
    )
    terminal.run(deploy())
    if int(live(terminal, "GetTask")["Version"]) <= int(now):
        raise Failed("The alias live did not move on.")
    terminal.run('make smoke URL="$URL"')


def expect_nothing_left(terminal: Terminal) -> None:
    stacks = terminal.client("cloudformation").list_stacks()["StackSummaries"]
    left = [s["StackName"] for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"]
    functions = terminal.client("lambda").list_functions()["Functions"]
    logs = terminal.client("logs").describe_log_groups()["logGroups"]
    if left != ["aws-sam-cli-managed-default"] or functions or logs:
        raise Failed(f"Left: {left}, {len(functions)} functions, {len(logs)} logs.")


def must_be_denied(act: Any) -> None:  # noqa: ANN401
    try:
        act()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            return
        raise
    raise Failed("Something is allowed that must not be.")


def stack_outputs(terminal: Terminal, name: str) -> dict[str, str]:
    [stack] = terminal.client("cloudformation").describe_stacks(StackName=name)[
        "Stacks"
    ]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


if __name__ == "__main__":
    sys.exit(main())

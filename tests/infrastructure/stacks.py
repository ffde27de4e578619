"""Stacks as CloudFormation would make them of template.yaml, without an account."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION, NAME = "123456789012", "eu-central-1", "tasks-test"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tasks-AbCdEf"
ORIGINS = ["https://a.example.com", "https://b.example.com"]

RELEASE = "1795700000-0123456789"

Json = dict[str, Any]
Parameters = Mapping[str, str | list[str]]

DOMAIN = {
    "DomainName": "api.example.com",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
}
# The transform gets a CommaDelimitedList as a list.
ALWAYS: Parameters = {"SecretArn": SECRET_ARN, "AllowedOrigins": ORIGINS}
EXTENSION = f"arn:aws:lambda:{REGION}:187925254637:layer:AWS-Parameters-Secrets:1"

STAGES: list[Parameters] = [{"Stage": s} for s in ("dev", "staging", "prod")]
SNAPSHOTS: list[Parameters] = [{"SnapStart": s} for s in ("off", "on")]
DOMAINS: list[Parameters] = [
    {},
    DOMAIN,
    DOMAIN | {"HostedZoneId": "Z1", "DefaultEndpoint": "off"},
]
EXTENSIONS: list[Parameters] = [{}, {"SecretsExtensionLayerArn": EXTENSION}]
# Their effects have nothing to do with each other: they take turns.
OTHERS: list[Parameters] = [
    {},
    {"Architecture": "x86_64", "AlarmEmail": "on-call@example.com"},
    {"ReservedConcurrency": "20", "LogRetentionDays": "365", "ThrottleRate": "7"},
    {
        "SecretKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        "Release": RELEASE,
        "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "BetterAuthUrl": "https://auth.example.com",
        "ThrottleBurst": "9",
    },
    {"GradualDeployment": "false"},
]


def combinations() -> dict[str, Parameters]:
    """Return sets of parameters, each named by what it sets."""
    others = cycle(OTHERS)
    found: dict[str, Parameters] = {}
    for choice in product(STAGES, SNAPSHOTS, DOMAINS, EXTENSIONS):
        merged: dict[str, str | list[str]] = {}
        for part in (*choice, next(others)):
            merged |= part
        name = "-".join(
            str(value) if key in ("Stage", "SnapStart") else key
            for key, value in merged.items()
        )
        found[name] = {**ALWAYS, **merged}
    return found


# The template before, and after something is deployed.
BEFORE: tuple[Parameters, Mapping[str, str]] = ({**ALWAYS, "Release": RELEASE}, {})
DEPLOYMENTS: dict[str, tuple[Parameters, Mapping[str, str]]] = {
    # make deploy gives each its own moment, whatever else is the same.
    "the same commit": ({**ALWAYS, "Release": "1795700001-0123456789"}, {}),
    "with uncommitted files": (
        {**ALWAYS, "Release": "1795700001-0123456789-dirty"},
        {"GetTask": "code-2"},
    ),
    # sam deploy alone, which gives what parameters/ says.
    "no release, all the same": ({**ALWAYS, "Release": ""}, {}),
}


def translate(*wanted: tuple[Parameters, Mapping[str, str]]) -> list[Json]:
    """Return the template after the SAM transform, for parameters and changed files."""
    ran = subprocess.run(
        [ROOT / ".venv-sam/bin/python", Path(__file__).with_name("translate.py")],
        input=json.dumps([{"parameters": p, "files": files} for p, files in wanted]),
        env={"AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    translated: list[Json] = json.loads(ran.stdout)
    return translated


NOTHING = object()
"""AWS::NoValue."""


@dataclass(frozen=True)
class Stack:
    """A translated template whose intrinsic functions are worked out.

    If `ids` has no other, a resource's physical id is its logical id, and
    `Logical.Attribute` stands for each of its attributes.
    """

    template: Json
    given: Parameters
    ids: dict[str, str] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        pseudo = {
            "AWS::StackName": NAME,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NOTHING,
        }
        defaults = {
            name: str(parameter["Default"])
            for name, parameter in self.template["Parameters"].items()
            if "Default" in parameter
        }
        return {**pseudo, **defaults, **self.given, **self.ids}

    @cached_property
    def resources(self) -> dict[str, Json]:
        """What there is, by logical id, after all conditions."""
        return {
            name: self.worked_out(resource)
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {
            name: self.worked_out(output["Value"])
            for name, output in self.template["Outputs"].items()
            if "Condition" not in output or self.holds(output["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, Json]:
        """Return the properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def holds(self, condition: str) -> bool:
        return self.worked_out(self.template["Conditions"][condition]) is True

    def worked_out(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self.parameters.get(name, name)
            case {"Condition": str(name), **rest} if not rest:
                return self.holds(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                dotted = f"{name}.{attribute}"
                return self.ids.get(dotted, dotted)
            case {"Fn::If": [str(name), then, otherwise]}:
                return self.worked_out(then if self.holds(name) else otherwise)
            case {"Fn::Equals": [left, right]}:
                return self.worked_out(left) == self.worked_out(right)
            case {"Fn::Not": [condition]}:
                return not self.worked_out(condition)
            case {"Fn::And": [*conditions]}:
                return all(map(self.worked_out, conditions))
            case {"Fn::FindInMap": [str(table), *keys]}:
                first, second = map(self.worked_out, keys)
                return self.template["Mappings"][table][first][second]
            case {"Fn::Sub": [str(text), names]}:
                return self.substituted(text, self.worked_out(names))
            case {"Fn::Sub": str(text)}:
                return self.substituted(text, {})
            case dict():
                assert not any(key.startswith("Fn::") for key in value), value
                pairs = ((key, self.worked_out(item)) for key, item in value.items())
                return {key: item for key, item in pairs if item is not NOTHING}
            case list():
                items = map(self.worked_out, value)
                return [item for item in items if item is not NOTHING]
        return value

    def substituted(self, text: str, names: Mapping[str, Any]) -> str:
        known = {**self.parameters, **names}
        return re.sub(
            r"\$\{([^!}]+)\}", lambda found: str(known.get(found[1], found[1])), text
        )


@dataclass
class Dependencies:
    """Which resource waits for which; `order` fails where they wait in a circle."""

    template: Json
    order: list[str] = field(default_factory=list)

    def visit(self, name: str, waiting: tuple[str, ...] = ()) -> None:
        assert name not in waiting, " waits for ".join((*waiting, name))
        if name in self.order:
            return
        for other in self.named_in(self.template["Resources"][name]):
            if other != name:
                self.visit(other, (*waiting, name))
        self.order.append(name)

    def named_in(self, value: Any) -> set[str]:
        match value:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                found = {name}
            case {"Fn::Sub": str(text)}:
                found = set(re.findall(r"\$\{([^!}.]+)", text))
            case dict() | list():
                parts = value.values() if isinstance(value, dict) else value
                found = {name for part in parts for name in self.named_in(part)}
            case _:
                found = set()
        return {name for name in found if name in self.template["Resources"]}

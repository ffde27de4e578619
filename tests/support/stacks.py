"""The stacks that CloudFormation would make from template.yaml, without an account."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.project import ROOT

ACCOUNT, REGION, NAME = "123456789012", "eu-central-1", "tasks-test"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tasks-AbCdEf"
ORIGINS = ["https://a.example.com", "https://b.example.com"]

RELEASE = "1795700000-0123456789"

Json = dict[str, Any]
Parameters = Mapping[str, str | list[str]]

# The transform gets a CommaDelimitedList as a list.
ALWAYS: Parameters = {"SecretArn": SECRET_ARN, "AllowedOrigins": ORIGINS}
DOMAIN = {
    "DomainName": "api.example.com",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
}

CHOICES: dict[str, Parameters] = {
    "staging": {"Stage": "staging"},
    "prod": {"Stage": "prod"},
    "snapshots": {"SnapStart": "on"},
    "all at once": {"GradualDeployment": "false"},
    "a domain": DOMAIN,
    "a domain alone": DOMAIN | {"HostedZoneId": "Z1", "DefaultEndpoint": "off"},
    "a key": {"SecretKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"},
    "a boundary": {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
    "a release": {"Release": RELEASE},
    "other texts": {
        "Architecture": "x86_64",
        "AlarmEmail": "on-call@example.com",
        "BetterAuthUrl": "https://auth.example.com",
    },
    "other numbers": {
        "ReservedConcurrency": "20",
        "LogRetentionDays": "365",
        "ThrottleRate": "7",
        "ThrottleBurst": "9",
    },
}
"""Parameters that differ from the defaults, one thing in each stack."""


def merged(*parts: Parameters) -> Parameters:
    """Return all parameters; if two parts have the same one, the later wins."""
    return {name: value for part in parts for name, value in part.items()}


GIVEN: dict[str, Parameters] = {
    "defaults": ALWAYS,
    **{name: merged(ALWAYS, choice) for name, choice in CHOICES.items()},
    "everything": merged(
        ALWAYS, *(CHOICES[name] for name in CHOICES if name != "all at once")
    ),
}
"""The parameters of each stack that the tests check."""

EXTREMES = ("defaults", "everything")


Deployment = tuple[Parameters, Mapping[str, str]]
"""One deployment: the parameters, and the keys in S3 of changed files."""

# The template before, and after something is deployed.
BEFORE: Deployment = ({**ALWAYS, "Release": RELEASE}, {})
DEPLOYMENTS: dict[str, Deployment] = {
    # make deploy gives each deployment another time, even if nothing else changes.
    "the same commit": ({**ALWAYS, "Release": "1795700001-0123456789"}, {}),
    "with uncommitted files": (
        {**ALWAYS, "Release": "1795700001-0123456789-dirty"},
        {"GetTask": "code-2"},
    ),
    # sam deploy without make, which uses only parameters/.
    "no release, all the same": ({**ALWAYS, "Release": ""}, {}),
}


def translate(template: Json, *wanted: Deployment) -> list[Json]:
    """Return a template after the SAM transform, for each deployment."""
    sets = [{"parameters": given, "files": files} for given, files in wanted]
    ran = subprocess.run(
        [ROOT / ".venv-sam/bin/python", Path(__file__).with_name("translate.py")],
        input=json.dumps({"template": template, "wanted": sets}),
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
    """A translated template with its intrinsic functions evaluated.

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
        """The resources whose conditions hold, by logical id."""
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
            case {"Fn::Join": [str(separator), parts]}:
                return separator.join(self.worked_out(parts))
            case {"Fn::Split": [str(separator), text]}:
                return self.worked_out(text).split(separator)
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
    """Which resource depends on which; `order` fails if they depend in a circle."""

    template: Json
    order: list[str] = field(default_factory=list)

    def visit(self, name: str, waiting: tuple[str, ...] = ()) -> None:
        assert name not in waiting, " waits for ".join((*waiting, name))
        if name in self.order:
            return
        resources = self.template["Resources"]
        for other in references(resources[name]) & resources.keys():
            if other != name:
                self.visit(other, (*waiting, name))
        self.order.append(name)


def references(value: Any) -> set[str]:
    """Return the names of all resources and parameters that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return set(re.findall(r"\$\{([^!}.]+)", text))
        case {"Fn::Sub": [str(text), dict(given)]}:
            return references({"Fn::Sub": text}) - given.keys() | references(
                [*given.values()]
            )
        case dict():
            return references([*value.values()])
        case list():
            return {name for part in value for name in references(part)}
    return set()

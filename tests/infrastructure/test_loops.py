"""Loops are written out as cfn-lint, which AWS wrote for CloudFormation, does it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.loops import LOOP, expand
from local.template import TemplateError, parse_template, read_template
from tests.support.project import ROOT

TEMPLATE = ROOT / "template.yaml"

AS_CFN_LINT_DOES = """
import json, sys
from cfnlint.decode import cfn_yaml
from cfnlint.template import Template
from cfnlint.template.transforms._language_extensions import language_extension

problems, expanded = language_extension(Template("", cfn_yaml.load(sys.argv[1])))
assert not problems, problems
json.dump(expanded["Resources"], sys.stdout)
"""


def resources(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"]
    return found


def test_writes_loops_out_as_cfn_lint_does() -> None:
    written = resources(read_template(TEMPLATE))
    before = resources(parse_template(TEMPLATE))

    ran = subprocess.run(
        [ROOT / ".venv-sam/bin/python", "-c", AS_CFN_LINT_DOES, TEMPLATE],
        capture_output=True,
        check=True,
    )

    expected = json.loads(ran.stdout)
    made = written.keys() - before.keys()
    assert written.keys() == expected.keys()
    assert made
    assert {name: written[name] for name in made} == {
        name: expected[name] for name in made
    }


def test_leaves_the_rest_as_it_is() -> None:
    before, written = parse_template(TEMPLATE), read_template(TEMPLATE)

    others = {
        name: each
        for name, each in resources(before).items()
        if not name.startswith(LOOP)
    }

    assert others.items() <= resources(written).items()
    assert {**before, "Resources": 0, "Transform": 0} == {
        **written,
        "Resources": 0,
        "Transform": 0,
    }
    assert written["Transform"] == ["AWS::Serverless-2016-10-31"]


def test_fills_in_keys_texts_and_references() -> None:
    template = {
        "Mappings": {"Sizes": {"A": {"Size": 1}, "B": {"Size": 2}}},
        "Resources": {
            "Fn::ForEach::Each": [
                "It",
                ["A", "B"],
                {
                    "${It}Box": {
                        "Size": {"Fn::FindInMap": ["Sizes", {"Ref": "It"}, "Size"]},
                        "Of": {"Ref": {"Fn::Sub": "${It}"}},
                        "Name": {"Fn::Sub": "${It}-${AWS::Region}"},
                    }
                },
            ]
        },
    }

    assert resources(expand(template)) == {
        f"{it}Box": {
            "Size": size,
            "Of": {"Ref": it},
            "Name": {"Fn::Sub": f"{it}-${{AWS::Region}}"},
        }
        for it, size in (("A", 1), ("B", 2))
    }


@pytest.mark.parametrize(
    ("loop", "problem"),
    [
        pytest.param(
            "[It, {Ref: Names}, {}]", "isn't a loop over a list", id="no list"
        ),
        pytest.param(
            "[It, [A], {X: {'Fn::FindInMap': [T, A, B]}}]",
            "Mappings have no T.A.B",
            id="not in a mapping",
        ),
    ],
)
def test_says_what_it_cannot_write_out(loop: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(f"Resources: {{'Fn::ForEach::Each': {loop}}}")

    with pytest.raises(TemplateError, match=problem):
        read_template(file)

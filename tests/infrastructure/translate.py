"""Translate template.yaml as CloudFormation's SAM transform does; run by .venv-sam.

stdin: a JSON list of {"parameters": {…}, "files": {…}}; `files` has the keys in S3 of a
function's or layer's files, by logical id. stdout: the templates, in JSON.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path
from unittest.mock import Mock

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
FILES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
# AWS's managed policies by name: the template names none.
NO_POLICIES = Mock(load=dict)


def main() -> None:
    template = yaml_parse(TEMPLATE.read_text())
    translated = []
    for wanted in json.load(sys.stdin):
        packaged = deepcopy(template)
        for name, resource in packaged["Resources"].items():
            if uri := FILES.get(resource["Type"]):
                key = wanted["files"].get(name, "as-before")
                resource["Properties"][uri] = f"s3://bucket/{key}"
        translated.append(transform(packaged, wanted["parameters"], NO_POLICIES))
    json.dump(translated, sys.stdout)


if __name__ == "__main__":
    main()

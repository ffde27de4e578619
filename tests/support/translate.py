"""Translate a template as CloudFormation's SAM transform does; run by .venv-sam.

stdin: JSON, {"template": {…}, "wanted": [{"parameters": {…}, "files": {…}}]}; `files`
has the keys in S3 of a function's or layer's files, by logical id. stdout: the
translated templates, in JSON.
"""

import json
import sys
from copy import deepcopy
from unittest.mock import Mock

from samtranslator.translator.transform import transform

FILES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
# AWS's managed policies by name: the template names none.
NO_POLICIES = Mock(load=dict)


def main() -> None:
    given = json.load(sys.stdin)
    translated = []
    for wanted in given["wanted"]:
        packaged = deepcopy(given["template"])
        for name, resource in packaged["Resources"].items():
            if uri := FILES.get(resource["Type"]):
                key = wanted["files"].get(name, "as-before")
                resource["Properties"][uri] = f"s3://bucket/{key}"
        translated.append(transform(packaged, wanted["parameters"], NO_POLICIES))
    json.dump(translated, sys.stdout)


if __name__ == "__main__":
    main()

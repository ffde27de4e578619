"""docs/frontend.md and docs/sync.md: their code is excerpts of tested code.

The tables of docs/frontend.md are complete.
"""

import json
import re

import pytest

from local.template import load_template
from tests.support.project import ROOT

PAGE = (ROOT / "docs/frontend.md").read_text()
SNIPPETS = [
    snippet
    for text in (PAGE, (ROOT / "docs/sync.md").read_text())
    for snippet in re.findall(r"^```(?:js|ts|tsx)\n(.*?)^```", text, re.M | re.S)
    # tests/e2e/test_better_auth.py runs this one from the page.
    if "eraseTasks" not in snippet
]
# What these test: tests/e2e/test_client.py, tests/browser/test_react_example.py and
# `make generators`. Next.js isn't installed for its one file.
TESTED = (
    "examples/react/*.ts",
    "examples/react/src/*.ts*",
    "examples/generators/*.*s",
    "examples/next/*.mjs",
    "tests/e2e/*.ts",
)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.splitlines()[0])
def test_a_snippet_is_an_excerpt_of_tested_code(snippet: str) -> None:
    files = [file for glob in TESTED for file in ROOT.glob(glob)]

    assert any(snippet in file.read_text() for file in files)


def test_each_error_is_in_the_table() -> None:
    schemas = json.loads((ROOT / "openapi.json").read_text())["components"]["schemas"]
    codes = set(re.findall(r'"error": {"const": "(\w+)"', json.dumps(schemas)))
    rows = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", PAGE, re.M))

    assert codes <= rows
    assert len(codes) > 8


def test_each_header_of_cors_is_in_a_table() -> None:
    cors = load_template(ROOT / "template.yaml").cors
    assert cors

    for name in (*cors.allow_headers, *cors.expose_headers):
        assert f"| `{name.title()}` |".lower() in PAGE.lower()

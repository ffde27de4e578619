"""The project under test."""

from pathlib import Path

from local.template import load_template

ROOT = Path(__file__).parents[2]

FUNCTIONS = {f.folder.name: f for f in load_template(ROOT / "template.yaml").functions}
"""The template's functions, by their folders' names."""

"""docs/databases.md names all modules with statements, SQL functions and triggers."""

import re

from tests.support.project import ROOT
from tests.support.statements import SCHEMA, named_statements, sql_functions

PAGE = (ROOT / "docs/databases.md").read_text()


def first_cells(title: str) -> str:
    """Return what the first column of a section's table says."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^\| ([^|]*) \|", section, re.M))


def modules_of(statements: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in statements}


def test_the_page_has_statements_of_every_module() -> None:
    named = {*re.findall(r"`([\w.]+)`", first_cells("Statements"))}

    assert named <= named_statements()
    assert modules_of(named) == modules_of(named_statements())


def test_the_page_has_every_sql_function() -> None:
    named = re.findall(r"`(\w+)\(\)`", first_cells("Schema"))

    assert sorted({*named} - {"pg_control_system"}) == sorted(sql_functions())


def test_the_page_has_every_trigger() -> None:
    [named] = re.findall(r"^triggers: (.*)", first_cells("Schema"), re.M)

    created = re.findall(r"CREATE TRIGGER (\w+)", SCHEMA)
    dropped = re.findall(r"DROP TRIGGER (\w+)", SCHEMA)
    left = [name for name in created if name not in dropped]
    assert re.findall(r"`(\w+)`", named) == left

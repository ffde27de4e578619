"""Every SQL statement of the API, in the modules of functions and in migrations."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.support.project import ROOT

SHARED = ROOT / "shared"
MIGRATIONS = SHARED / "taskapi/postgres/migrations"
SCHEMA = "".join(file.read_text() for file in sorted(MIGRATIONS.glob("*.sql")))
OPERATORS = {"taskapi.postgres.migrate"}
"""Modules that no function imports."""


def owned_tables() -> set[str]:
    """Return the tables that have a user_id, by the migrations."""
    created = re.findall(
        r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \((.*?)\)(?: WITH \([^)]*\))?;",
        SCHEMA,
        re.DOTALL,
    )
    added = re.findall(r"ALTER TABLE (\w+)\s+ADD (?:COLUMN )?user_id\b", SCHEMA)
    return {name for name, columns in created if "user_id" in columns} | set(added)


def sql_functions() -> dict[str, str]:
    """Return the functions that the migrations leave, and the start of their types."""
    functions = {}
    for act, name, types in re.findall(
        r"(CREATE|DROP) (?:OR REPLACE )?FUNCTION (\w+)\(\s*([^,)]*)", SCHEMA
    ):
        if act == "CREATE":
            functions[name] = types
        else:
            del functions[name]
    return functions


def owner_functions() -> set[str]:
    """Return the functions whose first parameter is the user, by the migrations."""
    return {
        name
        for name, first in sql_functions().items()
        if re.fullmatch(r"(?:owner|writer|user_id) TEXT", first)
    }


TABLES = "|".join(sorted(owned_tables()))
FUNCTIONS = "|".join(sorted(owner_functions()))

USES_TABLE = re.compile(
    rf'\b(?:FROM|JOIN|INTO|UPDATE|TABLE|USING|ONLY|COPY|TRUNCATE)\s+"?(?:{TABLES})\b',
    re.IGNORECASE,
)
IS_SQL = re.compile(rf"{USES_TABLE.pattern}|\b(?:{FUNCTIONS})\(%", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{\w*\}")
"""What other SQL replaces."""


def normalize(sql: str) -> str:
    """Return a statement in one line, with :name for its parameters."""
    sql = re.sub(r"%\((\w+)\)[sbt]", r":\1", sql)
    return re.sub(r"\s+", " ", sql).strip()


def modules() -> dict[str, Path]:
    """Return all modules that functions can import, and the functions."""
    files = {
        ".".join(file.relative_to(SHARED).with_suffix("").parts): file
        for file in SHARED.glob("taskapi/**/*.py")
    }
    files |= {
        f"functions.{file.parent.name}.app": file
        for file in ROOT.glob("functions/*/*.py")
    }
    return {name: file for name, file in files.items() if name not in OPERATORS}


def texts(value: object) -> Iterator[str]:
    """Yield a text, or those in a container."""
    found = [value]
    while found:
        value = found.pop()
        if isinstance(value, dict):
            found += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            found += value
        elif isinstance(value, bytes):
            yield value.decode(errors="replace")
        elif isinstance(value, str):
            yield value


def constants(module: ModuleType) -> Iterator[str]:
    """Yield the texts that a module has when it is imported, also in its containers."""
    return texts(vars(module))


def literals(tree: ast.AST) -> Iterator[str]:
    """Yield the literals in a module's code, without docstrings."""
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield from texts(node.value)


VERB = re.compile(r"(?:SELECT|WITH|INSERT INTO|UPDATE|DELETE FROM)\s")


def named_statements() -> set[str]:
    """Return module.name of each constant that is a statement, or a template of one.

    Without templates that other constants are made of, and with functions that have a
    statement in their code.
    """
    return {
        f"{file.stem}.{name}"
        for module, file in modules().items()
        for name in statements_of(importlib.import_module(module), file)
    }


def statements_of(module: ModuleType, file: Path) -> Iterator[str]:
    """Yield the names of a module's statements."""
    assigned: set[str] = set()
    used: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign):
            assigned |= {name for each in node.targets for name in names_in(each)}
            used |= names_in(node.value)
        elif isinstance(node, ast.FunctionDef) and any(
            map(IS_SQL.search, literals(node))
        ):
            yield node.name
    for name in assigned - used:
        if any(map(is_statement, texts(getattr(module, name)))):
            yield name


def names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_statement(text: str) -> bool:
    """Return whether a text is a whole statement, or a template that names a table."""
    sql = normalize(text)
    is_whole = not PLACEHOLDER.search(sql)
    return bool(VERB.match(sql) and (is_whole or IS_SQL.search(sql)))


def pattern(template: str) -> re.Pattern[str]:
    """Return what finds a normalized text, whatever replaced its placeholders."""
    parts = PLACEHOLDER.split(normalize(template))
    return re.compile(".*".join(map(re.escape, parts)))

"""Every SQL statement, wherever it stands, reads and writes one user's rows alone."""

import ast
import importlib
import re
from types import ModuleType

import pytest

from taskapi.tasks.create import create_statement
from taskapi.tasks.fields import RULES
from taskapi.tasks.write import field_statements
from tests.support.list_statements import EVERY_LIST
from tests.support.statements import (
    FUNCTIONS,
    IS_SQL,
    TABLES,
    constants,
    literals,
    modules,
    normalize,
    owned_tables,
    owner_functions,
)

OWNER = r"(?::user_id|(?:\w+\.)?user_id)"
"""The user, or the column of a row that is bound to the user."""


def enclosing_block(sql: str, position: int) -> str:
    """Return the text in the innermost parentheses around position, without deeper."""
    depth, start = 0, 0
    for index in range(position, 0, -1):
        depth += {")": 1, "(": -1}.get(sql[index - 1], 0)
        if depth < 0:
            start = index
            break
    block, depth = "", 0
    for character in sql[start:]:
        depth += character == "("
        depth -= character == ")"
        if depth < 0:
            break
        block += character if depth == 0 else ""
    return block


RULE = """bind each mention of a table to the user:
- where it is read, changed or deleted: WHERE user_id = %(user_id)s in the same block
- where a function is called that takes the user: name %(user_id)s first
- where it is inserted into: INSERT INTO <table> (user_id, ...) SELECT %(user_id)s, ...
  or VALUES (%(user_id)s, ...) or, from a table that is bound, SELECT user_id, ..."""

BOUND_INSERT = re.compile(
    r"\w+ \(user_id, [^)]*\) (?:SELECT|VALUES \() ?(?P<value>:user_id|user_id)\b"
)


def unbound(sql: str) -> list[str]:
    """Return the places in a statement that touch a table and don't name the user."""
    statement = normalize(sql)
    places = []
    for call in re.finditer(rf"\b(?:{FUNCTIONS})\((?!{OWNER}\b)", statement):
        places.append(statement[call.start() : call.end() + 40])
    # After "::" it is the name of a type.
    for mention in re.finditer(rf'(?<!::)\b(?:{TABLES})\b(?!["\s]*\.)', statement):
        block = enclosing_block(statement, mention.start())
        is_bound = bool(
            re.search(r"(?:WHERE|AND) user_id = :user_id\b", block)
        ) and not re.search(r"\bOR\b", block)
        if re.search(r"\bINTO $", statement[: mention.start()]):
            insert = BOUND_INSERT.match(statement, mention.start())
            # A column is the user's if the table that it comes from is bound.
            value = insert["value"] if insert else None
            is_bound = value == ":user_id" or (value == "user_id" and is_bound)
        if not is_bound:
            start = max(mention.start() - 40, 0)
            places.append(statement[start : mention.end() + 40])
    return places


def unowned(source: str, complete: list[str]) -> list[str]:
    """Return what is wrong with the statements of a module.

    A literal in the code is either bound by itself or a part of a complete statement,
    which is checked as a whole.

    complete: the statements that the module has when it is imported.
    """
    statements = [sql for sql in complete if IS_SQL.search(sql)]
    wholes = [normalize(sql) for sql in statements]
    parts = [
        normalize(part)
        for literal in literals(ast.parse(source))
        if unbound(literal)
        for part in re.split(r"\{\w*\}", literal)
        if IS_SQL.search(part)
    ]
    loose = [part for part in parts if not any(part in whole for whole in wholes)]
    return loose + [place for sql in statements for place in unbound(sql)]


def test_the_tables_that_have_a_user_are_known() -> None:
    assert {"tasks", "trash", "idempotency_keys", "change_counters"} <= owned_tables()
    assert {"next_change", "restore_task", "erase_user"} <= owner_functions()


@pytest.mark.parametrize("name", modules())
def test_a_module_has_no_statement_without_the_user(name: str) -> None:
    complete = list(constants(importlib.import_module(name)))

    assert unowned(modules()[name].read_text(), complete) == [], RULE


def test_every_list_is_bound_to_the_user() -> None:
    loose = {
        shape: unbound(sql)
        for shape, sql in EVERY_LIST.items()
        if unbound(sql) or not IS_SQL.search(sql)
    }

    assert loose == {}, RULE


def test_statements_of_all_fields_are_bound_to_the_user() -> None:
    for sql in (create_statement(tuple(RULES)), *field_statements(tuple(RULES))):
        assert unbound(sql) == [], RULE


UNOWNED = {
    "a constant": 'ALL = "SELECT id FROM tasks"',
    "the task alone": 'ONE = "SELECT id FROM tasks WHERE id = %(id)s"',
    "within a function": 'def f(): return query("DELETE FROM tasks", {})',
    "small letters": 'ALL = "select id from tasks where id = 1"',
    "bytes": 'ALL = b"SELECT id FROM tasks"',
    "a constant of a list": 'ALL = ["SELECT id FROM tasks"]',
    "another table": 'KEYS = "SELECT key FROM idempotency_keys WHERE key = %(key)s"',
    "bound elsewhere": """
ALL = "SELECT (SELECT count(*) FROM tasks) FROM tasks WHERE user_id = %(user_id)s"
""",
    "a join": """
ALL = "SELECT 1 FROM other WHERE user_id = %(user_id)s AND id IN (SELECT id FROM tasks)"
""",
    "or": 'ALL = "SELECT 1 FROM tasks WHERE user_id = %(user_id)s OR TRUE"',
    "another user's": 'ALL = "SELECT 1 FROM tasks WHERE user_id = %(other)s"',
    "not the user's": 'ALL = "SELECT 1 FROM tasks WHERE user_id <> %(user_id)s"',
    "an insert for another user": """
NEW = "INSERT INTO tasks (user_id, title) VALUES (%(other)s, %(title)s)"
""",
    "an insert of rows that are not bound": """
NEW = "INSERT INTO tasks (user_id, title) SELECT user_id, title FROM tasks"
""",
    "TABLE": 'ALL = "TABLE tasks"',
    "a function, for another user": 'ALL = "SELECT erase_user(%(other)s)"',
    "truncate": 'ALL = "TRUNCATE tasks"',
    "built in a loop": """
def f(): return "".join(part for part in ("DELETE FROM tasks", " RETURNING id"))
""",
}


@pytest.mark.parametrize("source", UNOWNED.values(), ids=UNOWNED)
def test_finds_a_statement_without_the_user(source: str) -> None:
    module = ModuleType("new")
    exec(source, vars(module))  # noqa: S102

    assert unowned(source, list(constants(module)))


OWNED = {
    "a value": "INSERT INTO tasks (user_id, title) VALUES (%(user_id)s, %(title)s)",
    "a type": "INSERT INTO tasks (user_id, id) SELECT %(user_id)s::text, 1",
    "the user's own rows": """
INSERT INTO tasks (user_id, title)
SELECT user_id, title FROM tasks WHERE id = %(id)s AND user_id = %(user_id)s
""",
}


@pytest.mark.parametrize("sql", OWNED.values(), ids=OWNED)
def test_accepts_an_insert_for_the_user(sql: str) -> None:
    assert IS_SQL.search(sql)
    assert unbound(sql) == []


@pytest.mark.parametrize("name", modules())
def test_no_statement_is_made_of_values(name: str) -> None:
    tree = ast.parse(modules()[name].read_text())
    formatted = [
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
    ]
    verbs = r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ORDER BY)\b"

    assert not any(re.search(verbs, text) for text in formatted)

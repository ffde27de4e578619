"""Older code works on a newer schema, from 0006 on (docs/operations.md)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from taskapi.postgres.migrate import MIGRATIONS, NO_TRANSACTION
from tests.support.project import ROOT

SQUAWK = Path(sys.executable).parent / "squawk"
EXAMPLES = {
    name: block
    for block in re.findall(
        r"```sql\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.S
    )
    for name in re.findall(r"^-- (\d{4}_\w+\.sql)$", block, re.M)
}
CONTRACTS = re.compile(r"-- contracts: .+ since release .+\n")


def broken_rules(sql: str) -> set[str]:
    """Return squawk's names of the rules that a migration breaks."""
    no = "no-" if has_no_transaction(sql) else ""
    assumption = f"--{no}assume-in-transaction"
    ran = subprocess.run(
        [SQUAWK, "--reporter", "gcc", assumption, "--stdin-filepath", "9999_new.sql"],
        cwd=ROOT,
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr
    found = re.findall(r"^[^:]*:\d+:\d+: \w+: ([a-z-]+) ", ran.stdout, re.M)
    assert bool(found) == bool(ran.returncode), ran.stdout
    return set(found) - {"squawk-ignore"} | unmarked(sql)


def has_no_transaction(sql: str) -> bool:
    return sql.startswith(NO_TRANSACTION.decode())


def unmarked(sql: str) -> set[str]:
    """Return "contracts" for a file that breaks a rule without saying why it may."""
    ignores = "squawk-ignore" in sql
    return {"contracts"} if ignores and not CONTRACTS.match(sql) else set()


def new_migrations() -> list[Path]:
    return [file for file in sorted(MIGRATIONS.glob("*.sql")) if file.name > "0006"]


def test_migrations_do_not_break_running_code() -> None:
    broken = {file.name: broken_rules(file.read_text()) for file in new_migrations()}

    assert {name: rules for name, rules in broken.items() if rules} == {}


HARMFUL = {
    "ban-drop-column": "ALTER TABLE tasks DROP COLUMN description;",
    "ban-drop-table": "DROP TABLE idempotency_keys;",
    "ban-drop-function": "DROP FUNCTION rfc3339;",
    "ban-drop-default": "ALTER TABLE tasks ALTER COLUMN completed DROP DEFAULT;",
    "renaming-column": "ALTER TABLE tasks RENAME COLUMN title TO name;",
    "renaming-table": "ALTER TABLE tasks RENAME TO things;",
    "changing-column-type": "ALTER TABLE tasks ALTER COLUMN title TYPE TEXT;",
    "adding-required-field": "ALTER TABLE tasks ADD COLUMN due TIMESTAMPTZ NOT NULL;",
    "adding-not-nullable-field": (
        "ALTER TABLE tasks ALTER COLUMN description SET NOT NULL;"
    ),
    "adding-field-with-default": (
        "ALTER TABLE tasks ADD COLUMN uuid UUID DEFAULT gen_random_uuid();"
    ),
    "require-concurrent-index-creation": "CREATE INDEX it ON tasks (title);",
    "require-concurrent-index-deletion": "DROP INDEX tasks_by_title;",
    "constraint-missing-not-valid": (
        "ALTER TABLE tasks ADD CONSTRAINT it CHECK (title <> '');"
    ),
    "disallowed-unique-constraint": (
        "ALTER TABLE tasks ADD CONSTRAINT it UNIQUE (title);"
    ),
    "ban-concurrent-index-creation-in-transaction": (
        "SELECT 1; CREATE INDEX CONCURRENTLY it ON tasks (title);"
    ),
}


@pytest.mark.parametrize(("rule", "sql"), HARMFUL.items(), ids=HARMFUL)
def test_refuses_what_harms_running_code(rule: str, sql: str) -> None:
    assert rule in broken_rules(sql)


@pytest.mark.parametrize("name", EXAMPLES)
def test_accepts_the_pages_examples(name: str) -> None:
    assert broken_rules(EXAMPLES[name]) == set()


def test_a_broken_rule_needs_a_file_that_contracts() -> None:
    drop = (
        "-- squawk-ignore ban-drop-column\nALTER TABLE tasks DROP COLUMN description;"
    )

    assert broken_rules(drop) == {"contracts"}
    assert broken_rules(f"-- contracts: not used since release 1.4\n{drop}") == set()


def test_accepts_a_column_that_may_be_null() -> None:
    assert broken_rules("ALTER TABLE tasks ADD COLUMN due TIMESTAMPTZ;") == set()

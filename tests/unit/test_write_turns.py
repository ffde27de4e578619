"""Each statement that writes counts the write, or takes a turn without counting it."""

import importlib
import re

from tests.support.statements import constants, is_statement, modules, normalize

WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|restore_task\(|erase_user\()")
TAKES_TURN = re.compile(r"\b(?:count_write|take_write_turn)\(")


def test_every_write_takes_a_turn() -> None:
    writes = {
        normalize(text): bool(TAKES_TURN.search(text))
        for name in modules()
        for text in constants(importlib.import_module(name))
        if is_statement(text) and WRITES.search(normalize(text))
    }

    assert len(writes) > 5
    assert [sql for sql, takes_turn in writes.items() if not takes_turn] == []

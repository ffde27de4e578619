"""What a search finds, and what it costs."""

import re

import psycopg
import pytest

from benchmarks import searches
from taskapi.postgres.migrate import migrate
from tests.support.api import Client

FOUND = {
    "a part": ("cer", "Buy groceries"),
    "the whole": ("Buy groceries", "Buy groceries"),
    "capitals": ("BUY", "buy"),
    "small letters": ("buy", "BUY"),
    "an accent": ("É", "café"),
    "the same the other way": ("é", "CAFÉ"),
    "Cyrillic": ("ДЯДЯ", "мой дядя"),
    "Greek": ("λ", "Λ"),
    "the sigma at an end, in small letters": ("ΟΔΟΣ", "οδος"),
    "the sigma at an end, in capitals": ("οδος", "ΟΔΟΣ"),
    "the sigma itself": ("Σ", "ΟΔΟΣ"),
    "German capitals": ("STRASSE", "Straße"),
    "German small letters": ("straße", "STRASSE"),
    "the capital ß": ("ẞ", "ß"),
    "a Turkish capital": ("İstanbul", "İSTANBUL"),
    "a ligature": ("OFFICE", "o\ufb03ce"),
    "Deseret, beyond the BMP": ("\U00010400", "\U00010428"),
    "a percent sign": ("100%", "at 100% now"),
    "an underscore": ("a_b", "xa_bx"),
    "a backslash": ("a\\b", "a\\b"),
    "a backslash at the end": ("a\\", "a\\"),
    "two backslashes": ("\\\\", "a\\\\b"),
    "an escaped percent sign": ("\\%", "a\\%b"),
    "a quote": ("o'c", "five o'clock"),
    "blanks": ("  ", "a  b"),
    "an emoji": ("🎉", "a🎉b"),
    "200 characters": ("🎉" * 200, "🎉" * 200),
    "200 backslashes": ("\\" * 200, "\\" * 200),
}
NOT_FOUND = {
    "any characters": ("a%b", "axxb"),
    "any character": ("a_b", "axb"),
    "percent alone": ("%", "abc"),
    "underscore alone": ("_", "abc"),
    "an escaped letter": ("\\a", "a"),
    "two for one": ("\\\\", "a\\b"),
    "another accent": ("e", "é"),
    "another order": ("ba", "ab"),
    "a Turkish capital in Latin": ("istanbul", "İSTANBUL"),
    "a Turkish small letter": ("I", "\u0131"),
}


def pairs(table: dict[str, tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("search", "text"), table.values(), ids=table)


@pairs(FOUND)
def test_finds(user: Client, search: str, text: str) -> None:
    by_title = user.create(text)
    by_description = user.create("x.", description=f"\n{text}\n")
    user.create("-", description="-")

    listed = user.send("list_tasks", query={"search": search, "order": "asc"}).json

    assert listed == [by_title, by_description]


@pairs(NOT_FOUND)
def test_does_not_find(user: Client, search: str, text: str) -> None:
    user.create(text)
    user.create("-", description=text)
    user.create("-")

    assert user.send("list_tasks", query={"search": search}).json == []


def test_search_looks_at_title_and_description_one_by_one(user: Client) -> None:
    user.create("milk", description="bread")

    assert user.send("list_tasks", query={"search": "milkbread"}).json == []


def test_search_ignores_case_in_any_locale(server: str, new_database: str) -> None:
    name = re.findall(r"/(test_\w+)", new_database)[0]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name}".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C'".encode())
    migrate(new_database)

    with psycopg.connect(new_database) as connection:
        found = connection.execute("SELECT folded('É') = folded('é')").fetchone()

    assert found == (True,)


def test_no_search_costs_ten_times_an_ordinary_one_of_the_same_text(
    new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "CHARACTERS", 200_000)
    texts = ("one letter", "letters that fold to three characters")
    migrate(new_database)

    with psycopg.connect(new_database, autocommit=True) as connection:
        took = {
            text: {
                length: searches.time_searches(
                    connection, searches.UNITS[text], length, 3
                )
                for length in (200, 5000)
            }
            for text in texts
        }

    assert max(searches.ratios(took)) < searches.LIMIT, took

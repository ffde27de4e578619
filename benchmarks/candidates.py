"""The rows of the tables: the peers, and our functions."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks import artifacts
from benchmarks.world import Case, by_secret, events

PEERS = {
    "floor": "bare handler, psycopg and PyJWT, no framework: the floor",
    "powertools": "Powertools' HTTP resolver with validation",
    "fastapi": "FastAPI and Mangum",
    "replaced": "the replaced design (FastAPI, SQLModel, asyncpg, python-jose)",
}
SHIPPED = {
    "fastapi-shipped": "FastAPI and Mangum, as `sam build` ships it",
    "replaced-shipped": "the replaced design, as `sam build` ships it",
}
OURS = {
    "list": "**this design**, list",
    "create": "this design, create",
    "get": "this design, get",
    "update": "this design, update",
    "complete": "this design, complete",
    "delete": "this design, delete",
    "list-eddsa": "this design, list, EdDSA",
}
LABELS = {**PEERS, **SHIPPED, **OURS}
"""What the tables call each row, in their order."""

FLOOR, REPLACED, THIS = "floor", "replaced-shipped", "list"


class Eddsa(NamedTuple):
    """What world.issuer() gives."""

    settings: Mapping[str, str]
    issue: Callable[[str], str]


def operation(name: str) -> str:
    """Return the function's folder for a row of ours."""
    verb = name.removesuffix("-eddsa")
    return "list_tasks" if verb == "list" else f"{verb}_task"


def case(name: str, url: str, eddsa: Eddsa) -> Case:
    """Return the case of a row, which is built where it isn't yet."""
    if name in OURS:
        function = operation(name)
        artifact = artifacts.ours(function)
        if name.endswith("-eddsa"):
            settings = {"DATABASE_URL": url, **eddsa.settings}
            return Case(name, artifact, events(function, issue=eddsa.issue), settings)
        return Case(name, artifact, events(function), by_secret(url))
    peer, shipped, _ = name.partition("-shipped")
    artifact = artifacts.peer(peer, shipped=bool(shipped))
    return Case(name, artifact, events(), by_secret(url))

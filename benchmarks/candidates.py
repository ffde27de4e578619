"""The rows of the tables: our functions, and the baselines to compare them with."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks import artifacts
from benchmarks.world import Case, events, hs256_settings

BASELINES = {
    "bare": "the bare handler (psycopg, PyJWT, no framework)",
    "powertools": "Powertools' HTTP resolver with validation",
    "fastapi": "FastAPI and Mangum",
    "legacy": "the legacy app (FastAPI, SQLModel, asyncpg, python-jose)",
}
SHIPPED = {
    "fastapi-shipped": "FastAPI and Mangum, as `sam build` ships it",
    "legacy-shipped": "the legacy app, as `sam build` ships it",
}
OURS = {
    "list": "**this API**, list",
    "create": "this API, create",
    "get": "this API, get",
    "update": "this API, update",
    "complete": "this API, complete",
    "delete": "this API, delete",
    "list-eddsa": "this API, list, EdDSA",
}
LABELS = {**BASELINES, **SHIPPED, **OURS}
"""The tables' names for the rows, in the tables' order."""

BARE, LEGACY, THIS = "bare", "legacy-shipped", "list"


class Eddsa(NamedTuple):
    """What world.issuer() yields."""

    settings: Mapping[str, str]
    issue: Callable[[str], str]


def operation(name: str) -> str:
    """Return the folder of the function that a row of ours measures."""
    verb = name.removesuffix("-eddsa")
    return "list_tasks" if verb == "list" else f"{verb}_task"


def case(name: str, url: str, eddsa: Eddsa) -> Case:
    """Return the case of a row; build its function if needed."""
    if name in OURS:
        function = operation(name)
        artifact = artifacts.ours(function)
        if name.endswith("-eddsa"):
            settings = {"DATABASE_URL": url, **eddsa.settings}
            return Case(name, artifact, events(function, issue=eddsa.issue), settings)
        return Case(name, artifact, events(function), hs256_settings(url))
    baseline, shipped, _ = name.partition("-shipped")
    artifact = artifacts.baseline(baseline, shipped=bool(shipped))
    return Case(name, artifact, events(), hs256_settings(url))

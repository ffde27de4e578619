"""The rows of the tables: our functions, and the baselines to compare them with."""

from benchmarks import artifacts
from benchmarks.services import Services
from benchmarks.world import Case, events

DEPLOYED = "-deployed"
"""How the names of rows end whose settings are in a secret."""

BASELINES = {
    "bare-deployed": "the bare handler, secret by boto3",
    "bare": "the bare handler (psycopg, PyJWT, no framework)",
    "powertools-deployed": "Powertools' HTTP resolver, secret by its `get_secret`",
    "powertools": "Powertools' HTTP resolver with validation",
    "fastapi": "FastAPI and Mangum",
    "legacy": "the legacy app (FastAPI, SQLModel, asyncpg, python-jose)",
}
SHIPPED = {
    "fastapi-shipped": "FastAPI and Mangum, as `sam build` ships it",
    "legacy-shipped": "the legacy app, as `sam build` ships it",
}
OURS = {
    "list-deployed": "**this API, as deployed**, list",
    "create-deployed": "this API, as deployed, create",
    "get-deployed": "this API, as deployed, get",
    "update-deployed": "this API, as deployed, update",
    "complete-deployed": "this API, as deployed, complete",
    "delete-deployed": "this API, as deployed, delete",
    "list-eddsa-deployed": "this API, as deployed, list, EdDSA",
    "list": "this API, list",
    "update": "this API, update",
    "list-eddsa": "this API, list, EdDSA",
}
LABELS = {**BASELINES, **SHIPPED, **OURS}
"""The tables' names for the rows, in the tables' order."""

LISTS = [name for name in LABELS if name not in OURS or name.startswith("list")]

BARE, LEGACY, THIS = "bare", "legacy-shipped", "list"


def as_deployed(name: str) -> str:
    """Return the row of the same candidate whose settings are in a secret."""
    return f"{name}{DEPLOYED}"


def bare_like(name: str) -> str:
    """Return the bare handler's row that has its settings where this row has them."""
    return as_deployed(BARE) if name.endswith(DEPLOYED) else BARE


def artifact(name: str) -> artifacts.Artifact:
    """Return what a row measures; build it if needed."""
    if name in OURS:
        return artifacts.ours(operation(name))
    baseline, shipped, _ = name.removesuffix(DEPLOYED).partition("-shipped")
    return artifacts.baseline(baseline, shipped=bool(shipped))


def operation(name: str) -> str:
    """Return the folder of the function that a row of ours measures."""
    verb, *_ = name.split("-")
    return "list_tasks" if verb == "list" else f"{verb}_task"


def case(name: str, services: Services) -> Case:
    """Return the case of a row; build its function if needed."""
    function = operation(name) if name in OURS else "list_tasks"
    # No row needs a task that another one deletes.
    first = 1 + 100 * list(LABELS).index(name)
    if "-eddsa" in name:
        made = events(function, issue=services.issue, first=first)
        settings = services.eddsa_settings()
    else:
        made = events(function, first=first)
        settings = services.hs256_settings()
    is_deployed = name.endswith(DEPLOYED)
    environment = services.environment(settings, is_deployed)
    return Case(name, artifact(name), made, environment)

"""What holds the parts together: folders, template, document, README, imports."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from local.openapi import api_routes, document, methods
from local.template import load_template
from taskapi import cold_start
from taskapi.tasks import statements as tasks
from taskapi.web.authenticated import AuthenticatedRoute
from taskapi.web.event import HEADERS_READ
from tests.support.api import ROUTES

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(file.parent.name for file in ROOT.glob("functions/*/app.py"))
FUNCTIONS = {f.folder.name: f for f in load_template(ROOT / "template.yaml").functions}


def app_of(folder: str) -> FastAPI:
    app: FastAPI = importlib.import_module(f"functions.{folder}.app").app
    return app


def routes_of(folder: str) -> set[str]:
    return {
        f"{method} {route.path}"
        for route in api_routes(app_of(folder))
        for method in methods(route)
    }


def test_every_folder_is_in_the_template_and_the_reverse() -> None:
    assert sorted(FUNCTIONS) == FOLDERS == sorted(ROUTES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_the_templates_routes_and_no_other(folder: str) -> None:
    assert routes_of(folder) == {route.key for route in FUNCTIONS[folder].routes}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_functions_name_is_the_same_everywhere(folder: str) -> None:
    function = FUNCTIONS[folder]
    [endpoint] = {route.name for route in api_routes(app_of(folder))}

    assert endpoint == folder
    assert function.name == "".join(part.capitalize() for part in folder.split("_"))
    assert function.handler == "app.handler"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_route_but_health_asks_for_a_token(folder: str) -> None:
    routes = api_routes(app_of(folder))

    assert all(
        isinstance(route, AuthenticatedRoute) == (folder != "health")
        for route in routes
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_one_short_file_without_sql_or_try(folder: str) -> None:
    files = [file.name for file in (ROOT / "functions" / folder).glob("*.*")]
    source = (ROOT / "functions" / folder / "app.py").read_text()

    assert files == ["app.py"]
    assert len(source.splitlines()) <= 40
    assert not any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(source)))
    for route in FUNCTIONS[folder].routes:
        assert route.path in source.partition(":")[0]
        assert route.method in source.partition(":")[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_no_other_and_nothing_for_tests(folder: str) -> None:
    code = f"""
import sys
sys.path.insert(0, "functions/{folder}")
order = []
class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in {"app", "taskapi", *sys.stdlib_module_names}:
            order.append(name)
        elif name == "taskapi.cold_start.preconnect":
            order.append(name)
        elif name == "taskapi.web.handler" and (
            early := sys.modules.get("taskapi.cold_start.preconnect")
        ):
            early.wait = lambda: order.append("waited")
sys.meta_path.insert(0, Finder)
import app
print(*sys.modules)
print(*order)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"},
        capture_output=True,
        text=True,
        check=True,
    )
    modules, order = (line.split() for line in ran.stdout.splitlines())
    imported = set(modules)

    # What waits for the network begins before all other imports, and is waited for.
    needs_network = bool(
        {
            "taskapi.postgres.connection",
            "taskapi.auth.verify",
            "taskapi.settings.secret",
        }
        & imported
    )
    assert (order[0] == "taskapi.cold_start.preconnect") is needs_network
    assert (order[-1] == "waited") is needs_network
    unwanted = {"functions", "local", "tests", "boto3", "uvicorn", "email_validator"}
    if folder == "health":
        unwanted |= {
            "psycopg",
            "jwt",
            "taskapi.tasks",
            "taskapi.auth",
        }
    assert imported & unwanted == set()


def test_what_is_read_of_headers_is_what_browsers_may_send() -> None:
    cors = load_template(ROOT / "template.yaml").cors
    parameters = {
        parameter["name"].lower()
        for operations in document()["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }

    assert cors
    assert set(cors.allow_headers) == HEADERS_READ
    assert parameters | {"authorization", "content-type"} == HEADERS_READ


def statements() -> dict[str, str]:
    """Return every SQL statement on tasks."""
    named = {
        name: value
        for name, value in vars(tasks).items()
        if name.isupper() and isinstance(value, str) and " tasks" in value
    }
    return named | {f"LIST {key}": sql for key, sql in tasks.LISTS.items()}


@pytest.mark.parametrize(("name", "sql"), statements().items(), ids=list(statements()))
def test_every_statement_is_bound_to_the_user(name: str, sql: str) -> None:
    wheres = sql.count("FROM tasks") + sql.count("UPDATE tasks")

    if name == "CREATE":
        assert "%(completed)s, %(user_id)s," in sql
    else:
        assert sql.count("user_id = %(user_id)s") == wheres > 0


def test_statements_are_constants() -> None:
    tree = ast.parse((ROOT / "shared/taskapi/tasks/statements.py").read_text())

    formatted = [
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
    ]

    assert not any(re.search(r"SELECT|INSERT|UPDATE|DELETE", f) for f in formatted)


def test_importing_needs_no_environment() -> None:
    shared = ROOT / "shared"
    modules = [
        ".".join(file.relative_to(shared).with_suffix("").parts)
        for file in shared.glob("taskapi/**/*.py")
    ]
    code = f"import importlib; [importlib.import_module(m) for m in {modules}]"

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={}, check=False
    )

    assert ran.returncode == 0


def test_openapi_json_is_what_the_functions_say() -> None:
    written = json.loads((ROOT / "openapi.json").read_text())

    assert written == document(), "run: make openapi"


def test_readme_template_and_document_agree_on_the_routes() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = set(re.findall(r"`([A-Z]+ /[^`?]*)`", readme))
    in_template = {route.key for f in FUNCTIONS.values() for route in f.routes}
    in_document = {
        f"{method.upper()} {path}"
        for path, operations in document()["paths"].items()
        for method in operations
    }

    assert listed == in_template == in_document


def test_the_makefile_has_every_command_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\bmake ([a-z-]+)", readme))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    assert named <= targets


def test_health_has_no_settings() -> None:
    assert FUNCTIONS["health"].environment == {"POWERTOOLS_SERVICE_NAME": "local"}


def test_the_tests_that_guard_the_cold_start_exist() -> None:
    named = set(re.findall(r"\btest_\w+", str(cold_start.__doc__)))
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))

    assert len(named) > 5
    assert {name for name in named if f"def {name}(" not in tests} == set()

"""Folders, template, document, README and imports fit together."""

import ast
import importlib
import json
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from local.direct import ROUTES
from local.template import load_template, parse_template
from openapi.document import document
from openapi.operations import api_routes, methods
from openapi.readme import with_routes
from taskapi import cold_start
from taskapi.tasks.bodies import NewTask, TaskChanges
from taskapi.tasks.fields import NAMES, RULES, Task
from taskapi.web.authenticated import AuthenticatedRoute
from tests.support.project import FUNCTIONS, ROOT

FOLDERS = sorted(file.parent.name for file in ROOT.glob("functions/*/app.py"))


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


def test_every_function_is_in_the_templates_loop() -> None:
    resources: Any = parse_template(ROOT / "template.yaml")["Resources"]
    _variable, looped, _output = resources["Fn::ForEach::EachFunction"]
    missing = {function.name for function in FUNCTIONS.values()} - {*looped}

    assert not missing, "template.yaml: add them to Fn::ForEach::EachFunction"


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
def test_a_function_is_one_file_without_try(folder: str) -> None:
    files = [file.name for file in (ROOT / "functions" / folder).glob("*.*")]
    source = (ROOT / "functions" / folder / "app.py").read_text()

    assert files == ["app.py"]
    assert not any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(source)))
    for route in FUNCTIONS[folder].routes:
        assert route.path in source.partition(":")[0]
        assert route.method in source.partition(":")[0]


IMPORTS = """
import sys
sys.path.insert(0, "functions/{folder}")
order = []
class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in {{"app", "taskapi", *sys.stdlib_module_names}}:
            order.append(name)
        elif name == "taskapi.cold_start.preconnect":
            order.append(name)
        elif name == "taskapi.web.handler" and (
            preconnect := sys.modules.get("taskapi.cold_start.preconnect")
        ):
            preconnect.wait = lambda: order.append("waited")
sys.meta_path.insert(0, Finder)
import app
print(*sys.modules)
print(*order)
"""
"""Prints what a function imports, and in which order it begins with what isn't ours."""

NETWORK = {
    "taskapi.postgres.connection",
    "taskapi.auth.verify",
    "taskapi.settings.secret",
}
"""The modules that wait for the network."""


@cache
def imports(folder: str) -> tuple[set[str], list[str]]:
    """Return what a function imports in the init phase, and in which order."""
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(folder=folder)],
        cwd=ROOT,
        env={
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "PYTHONPATH": str(ROOT / "shared"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    modules, order = (line.split() for line in ran.stdout.splitlines())
    return set(modules), order


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_function_that_has_a_database_connects_first_of_all(folder: str) -> None:
    imported, order = imports(folder)

    has_network = bool(NETWORK & imported)
    assert (order[0] == "taskapi.cold_start.preconnect") is has_network
    assert (order[-1] == "waited") is has_network


STATEMENT_MODULES = {
    f"taskapi.tasks.{file.stem}"
    for file in (ROOT / "shared/taskapi/tasks").glob("*.py")
    if re.search(
        r"taskapi\.(postgres|tasks\.operation) import|taskapi\.postgres\.",
        file.read_text(),
    )
    and file.stem != "operation"
}


OTHERS_STATEMENTS = {
    "taskapi.tasks.batch": {
        f"taskapi.tasks.{name}" for name in ("create", "restore", "write")
    },
}
"""Modules that run statements of other modules, and which those are."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_what_its_operation_needs(folder: str) -> None:
    source = (ROOT / "functions" / folder / "app.py").read_text()
    imported, _order = imports(folder)

    named = {name for name in STATEMENT_MODULES if f"from {name} import" in source}
    named |= {other for name in named for other in OTHERS_STATEMENTS.get(name, ())}
    unwanted = {"functions", "openapi", "local", "tests"}
    unwanted |= {"boto3", "uvicorn", "email_validator"}
    if not named:
        unwanted |= {"psycopg", "jwt", "taskapi.tasks", "taskapi.auth"}
        unwanted |= {"taskapi.postgres", "taskapi.web.authenticated"}
    assert imported & STATEMENT_MODULES == named
    assert imported & unwanted == set()


LAYERS = ("functions", "web", "auth", "tasks", "postgres")
"""From the caller down: a module imports from its own layer and from those below."""


def layer(module: str) -> int | None:
    parts = module.split(".")
    name = parts[1] if parts[0] == "taskapi" and len(parts) > 1 else parts[0]
    return LAYERS.index(name) if name in LAYERS else None


def imported_by(file: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", LAYERS)
def test_imports_go_one_way(package: str) -> None:
    folder = ROOT / (
        "functions" if package == "functions" else f"shared/taskapi/{package}"
    )
    steps_back = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in folder.rglob("*.py")
        for name in imported_by(file)
        if (other := layer(name)) is not None and other < LAYERS.index(package)
    }

    assert steps_back == set()


def test_imports_make_no_circle() -> None:
    shared = ROOT / "shared"
    modules = {
        ".".join(file.relative_to(shared).with_suffix("").parts): imported_by(file)
        for file in shared.glob("taskapi/**/*.py")
    }
    own = {name: names & modules.keys() for name, names in modules.items()}

    TopologicalSorter(own).prepare()


FOLDERS_OF_CODE = ("functions", "shared", "openapi", "local", "ops", "benchmarks")


@pytest.mark.parametrize("folder", FOLDERS_OF_CODE)
def test_no_code_imports_tests(folder: str) -> None:
    names = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in ROOT.glob(f"{folder}/**/*.py")
        for name in imported_by(file)
        if name.split(".")[0] == "tests"
    }

    assert names == set()


def test_test_modules_import_from_no_other() -> None:
    support = ROOT / "tests/support"

    others = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in ROOT.glob("tests/**/*.py")
        if not file.is_relative_to(support)
        for name in imported_by(file)
        if name.startswith("tests.") and not name.startswith("tests.support")
    }

    assert others == set()


def test_browsers_may_send_the_headers_that_operations_take() -> None:
    cors = load_template(ROOT / "template.yaml").cors
    parameters = {
        parameter["name"].lower()
        for operations in document()["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }

    assert cors
    assert set(cors.allow_headers) == parameters | {"authorization", "content-type"}


def test_the_list_of_fields_names_what_tasks_and_bodies_hold() -> None:
    assert tuple(Task.__annotations__) == NAMES
    assert tuple(NewTask.__annotations__) == tuple(RULES)
    assert tuple(TaskChanges.__annotations__) == tuple(RULES)


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


def test_template_and_document_agree_on_the_routes() -> None:
    in_template = {route.key for f in FUNCTIONS.values() for route in f.routes}
    in_document = {
        f"{method.upper()} {path}"
        for path, operations in document()["paths"].items()
        for method in operations
    }

    assert in_template == in_document


def test_the_readme_lists_the_routes() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")

    assert page == with_routes(page, document()), "run: make openapi"
    assert "| `/api/{user_id}/tasks/batch` | `POST` " in page


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

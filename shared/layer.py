"""Make the layer from installed wheels: `python3.13 layer.py FOLDER`.

What is left out and compiled here makes a cold start shorter and the layer smaller;
taskapi/cold_start/__init__.py says what each saves. The same wheels always give the
same bytes. FOLDER is what Lambda unpacks at /opt.
"""

import ast
import dataclasses
import importlib.util
import marshal
import shutil
import sys
from pathlib import Path
from types import CodeType
from typing import Any

LEFT_OUT = {
    "files that only type checkers, compilers, people and pip read": (
        "**/*.pyi",
        "**/py.typed",
        "**/*.h",
        "bin",
        "*.dist-info/INSTALLER",
        "*.dist-info/RECORD",
        "*.dist-info/REQUESTED",
        "*.dist-info/WHEEL",
        "*.dist-info/top_level.txt",
    ),
    "our own code that only operators run": (
        "taskapi/postgres/migrate.py",
        "taskapi/postgres/migrations",
    ),
    "for tests, and plugins of other tools": (
        "annotated_types/test_cases.py",
        "anyio/pytest_plugin.py",
        "fastapi/testclient.py",
        "pydantic/mypy.py",
        "starlette/testclient.py",
    ),
    "what builds cryptography, which imports only _cffi_backend of it": (
        "cffi",
        "cffi-*",
        "pycparser",
        "pycparser-*",
    ),
    "psycopg without its C library, and for other databases": (
        "psycopg/_dns.py",
        "psycopg/_py_transformer.py",
        "psycopg/crdb",
        "psycopg/pq/_pq_ctypes.py",
        "psycopg/pq/pq_ctypes.py",
        "psycopg/types/hstore.py",
        "psycopg/types/shapely.py",
    ),
    "pydantic.v1: FastAPI would import it to look for its models, and refuse them": (
        "pydantic/v1",
    ),
    "modules of FastAPI and Starlette that need a package which isn't in the layer": (
        "fastapi/middleware/wsgi.py",
        "fastapi/templating.py",
        "starlette/middleware/opentelemetry.py",
        "starlette/middleware/sessions.py",
        "starlette/middleware/wsgi.py",
        "starlette/templating.py",
    ),
    "anyio for another loop, for processes and for files": (
        "anyio/_backends/_trio.py",
        "anyio/_core/_asyncio_selector_thread.py",
        "anyio/_core/_fileio.py",
        "anyio/_core/_subprocesses.py",
        "anyio/_core/_tempfile.py",
        "anyio/from_thread.py",
        "anyio/functools.py",
        "anyio/itertools.py",
        "anyio/streams/buffered.py",
        "anyio/streams/file.py",
        "anyio/streams/text.py",
        "anyio/to_interpreter.py",
        "anyio/to_process.py",
    ),
    "idna, which anyio needs to resolve host names; nothing here uses that": (
        "idna",
        "idna-*",
    ),
    "Powertools, except its logger, metrics and tracer": (
        "aws_lambda_powertools/event_handler",
        "aws_lambda_powertools/metrics/provider/datadog",
        "aws_lambda_powertools/utilities/auth_alpha",
        "aws_lambda_powertools/utilities/batch",
        "aws_lambda_powertools/utilities/circuit_breaker",
        "aws_lambda_powertools/utilities/data_classes",
        "aws_lambda_powertools/utilities/data_masking",
        "aws_lambda_powertools/utilities/feature_flags",
        "aws_lambda_powertools/utilities/idempotency",
        "aws_lambda_powertools/utilities/kafka",
        "aws_lambda_powertools/utilities/parameters",
        "aws_lambda_powertools/utilities/parser",
        "aws_lambda_powertools/utilities/streaming",
        "aws_lambda_powertools/utilities/validation",
    ),
}
"""Globs below python/, by what they match."""

READS_ITS_SOURCE = ("anyio/__init__.py", "anyio/abc/__init__.py")
"""anyio reads them to import its modules on first use; else it imports all."""

WITHOUT_FIELDS = "pydantic_core/core_schema.py"
"""The module whose TypedDicts lose their fields.

Nothing that runs reads these fields, and Python compiles the type of each one when it
imports the module.
"""


DATACLASS_CODE = "taskapi/cold_start/dataclass_code.marshal"
"""The file that taskapi.cold_start.dataclass_code reads."""

DATACLASS_OPTIONS = (
    *("init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only"),
    *("hash", "compare"),
)
"""The options of @dataclass and field() that decide which source it writes."""


def main(layer: Path) -> None:
    """Turn the wheels installed in layer/python into what the layer holds."""
    python = layer / "python"
    for pattern in (glob for globs in LEFT_OUT.values() for glob in globs):
        found = list(python.glob(pattern))
        if not found:
            sys.exit(f"layer.py: {pattern} matches nothing any more: delete it")
        for path in found:
            remove(path)
    for name in (WITHOUT_FIELDS, *READS_ITS_SOURCE):
        if not (python / name).is_file():
            sys.exit(f"layer.py: there is no {name} any more: take it out")
    for path in list(python.rglob("__pycache__")):
        remove(path)
    for metadata in python.glob("*.dist-info/METADATA"):
        # Scanners read the headers; the package's README follows them.
        headers = metadata.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        metadata.write_bytes(headers + b"\n")
    (python / DATACLASS_CODE).write_bytes(marshal.dumps(compile_dataclasses(python)))
    for source in list(python.rglob("*.py")):
        compile_source(source, python)
    # Lambda runs as another user than the build, which may have any umask.
    for path in layer.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def compile_source(source: Path, python: Path) -> None:
    """Compile a module for its path in Lambda; keep the source of our own modules.

    Lambda's file system can't be written to, so Python would compile a module without
    byte code again in each cold start. Zips date every file 1980, so byte code that
    Python checks against its source's time would never be valid: it isn't checked (PEP
    552). Our own sources stay for tracebacks.
    """
    path = source.relative_to(python)
    name = path.as_posix()
    text = source.read_bytes()
    tree = ast.parse(text)
    if name == WITHOUT_FIELDS:
        drop_fields(tree)
    code = compile(tree, f"/opt/python/{name}", "exec", dont_inherit=True)
    byte_code = (
        importlib.util.MAGIC_NUMBER
        + (1).to_bytes(4, "little")  # by hash, unchecked
        + importlib.util.source_hash(text)
        + marshal.dumps(code)
    )
    if path.parts[0] == "taskapi" or name in READS_ITS_SOURCE:
        compiled = Path(importlib.util.cache_from_source(str(source)))
        compiled.parent.mkdir(exist_ok=True)
    else:
        compiled = source.with_suffix(".pyc")
        source.unlink()
    compiled.write_bytes(byte_code)


def drop_fields(tree: ast.Module) -> None:
    """Remove the fields of a module's TypedDicts; exit if it has none."""
    typed_dicts = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(b, ast.Name) and b.id == "TypedDict" for b in node.bases)
    ]
    if not typed_dicts:
        sys.exit(f"layer.py: {WITHOUT_FIELDS} has no TypedDict any more: take it out")
    for node in typed_dicts:
        node.body = [ast.copy_location(ast.Pass(), node.body[0])]


def compile_dataclasses(python: Path) -> dict[str, CodeType]:
    """Return the code of the methods that @dataclass writes, by their source.

    The source depends on little more than the names of the fields, and whether they
    have defaults. So this defines an outline of each class that has only those. It
    can't import the classes themselves: their packages need native code for the
    stack's processor.
    """
    sources = set[str]()

    def record(
        source: str, globals: dict[str, object], locals: dict[str, object]
    ) -> None:
        sources.add(source)
        exec(source, globals, locals)  # noqa: S102

    vars(dataclasses)["exec"] = record
    for path in sorted(python.rglob("*.py")):
        text = path.read_bytes()
        if b"dataclass" not in text:
            continue
        outlines: dict[str, type] = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                for decorator in node.decorator_list:
                    if last_name(decorator) == "dataclass":
                        outlines[node.name] = outline(node, decorator, outlines)
    return {
        source: compile(source, "<string>", "exec", dont_inherit=True)
        for source in sorted(sources)
    }


def outline(node: ast.ClassDef, decorator: ast.expr, outlines: dict[str, type]) -> type:
    """Return a dataclass with the fields of a class in a source.

    outlines: those of the module's other dataclasses, which may be bases of this one.
    """
    types: dict[str, type] = {}
    members: dict[str, object] = {"__annotations__": types}
    for part in node.body:
        match part:
            case ast.FunctionDef(name):
                members[name] = len
            case ast.AnnAssign(ast.Name(name), annotation, value):
                if "ClassVar" in ast.dump(annotation):
                    continue
                types[name] = object
                if value and last_name(value) == "field":
                    members[name] = dataclasses.field(**options(value))
                elif value:
                    members[name] = None
    bases = tuple(
        outlines[name] for name in map(last_name, node.bases) if name in outlines
    )
    return dataclasses.dataclass(**options(decorator))(type(node.name, bases, members))


def last_name(node: ast.expr) -> str:
    """Return "c" for each of c, b.c and a.b.c(), and "" for other expressions."""
    match node:
        case ast.Call(called):
            return last_name(called)
        case ast.Name(name) | ast.Attribute(_, name):
            return name
    return ""


def options(node: ast.expr) -> dict[str, Any]:
    """Return the arguments that decide which source @dataclass writes."""
    given: dict[str, Any] = {}
    for argument in node.keywords if isinstance(node, ast.Call) else ():
        match argument:
            case ast.keyword(str(name), ast.Constant(value)) if (
                name in DATACLASS_OPTIONS
            ):
                given[name] = value
            case ast.keyword("default_factory"):
                given["default_factory"] = list
            case ast.keyword("default"):
                given["default"] = None
    return given


if __name__ == "__main__":
    main(Path(sys.argv[1]))

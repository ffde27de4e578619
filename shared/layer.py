"""Make the layer of installed wheels: `python3.13 layer.py FOLDER`.

Only what runs stays, as byte code, and the same wheels always give the same bytes.
FOLDER is what Lambda unpacks at /opt.
"""

import __future__

import ast
import importlib.util
import marshal
import shutil
import struct
import sys
from pathlib import Path

LEFT_OUT = {
    "for type checkers, compilers, people and pip": (
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
    "of our own, what operators run": (
        "taskapi/postgres/migrate.py",
        "taskapi/postgres/migrations",
    ),
    "for tests, and for plugins of other tools": (
        "annotated_types/test_cases.py",
        "anyio/pytest_plugin.py",
        "fastapi/testclient.py",
        "pydantic/mypy.py",
        "starlette/testclient.py",
    ),
    "to build cryptography with; what it imports is _cffi_backend": (
        "cffi",
        "cffi-*",
        "pycparser",
        "pycparser-*",
    ),
    "of psycopg, where its C library is missing, and for other databases": (
        "psycopg/_dns.py",
        "psycopg/_py_transformer.py",
        "psycopg/crdb",
        "psycopg/pq/_pq_ctypes.py",
        "psycopg/pq/pq_ctypes.py",
        "psycopg/types/hstore.py",
        "psycopg/types/shapely.py",
    ),
    "optional to FastAPI, which asks of each value whether it is one of these": (
        "pydantic/v1",
        "pydantic/color.py",
    ),
    "of pydantic, for models of its first version, and experiments": (
        "pydantic/deprecated/json.py",
        "pydantic/deprecated/parse.py",
        "pydantic/experimental/arguments_schema.py",
        "pydantic/experimental/pipeline.py",
    ),
    "of FastAPI and Starlette, for what API Gateway does, or pages": (
        "fastapi/cli.py",
        "fastapi/middleware/cors.py",
        "fastapi/middleware/gzip.py",
        "fastapi/middleware/httpsredirect.py",
        "fastapi/middleware/trustedhost.py",
        "fastapi/middleware/wsgi.py",
        "fastapi/staticfiles.py",
        "fastapi/templating.py",
        "starlette/authentication.py",
        "starlette/config.py",
        "starlette/endpoints.py",
        "starlette/middleware/authentication.py",
        "starlette/middleware/cors.py",
        "starlette/middleware/gzip.py",
        "starlette/middleware/httpsredirect.py",
        "starlette/middleware/opentelemetry.py",
        "starlette/middleware/sessions.py",
        "starlette/middleware/trustedhost.py",
        "starlette/middleware/wsgi.py",
        "starlette/schemas.py",
        "starlette/templating.py",
    ),
    "of anyio, for another loop, other systems, processes and files": (
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
    "of anyio, for resolving names, which psycopg and urllib do without": (
        "idna",
        "idna-*",
    ),
    "of cryptography, what isn't about signatures": (
        "cryptography/cobblestone.py",
        "cryptography/fernet.py",
        "cryptography/hazmat/asn1",
        "cryptography/hazmat/primitives/kdf",
        "cryptography/hazmat/primitives/serialization/pkcs12.py",
        "cryptography/hazmat/primitives/serialization/pkcs7.py",
        "cryptography/hazmat/primitives/twofactor",
        "cryptography/x509/ocsp.py",
    ),
    "of Powertools, all but the logger, metrics, the tracer and parameters": (
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
        "aws_lambda_powertools/utilities/parser",
        "aws_lambda_powertools/utilities/streaming",
        "aws_lambda_powertools/utilities/validation",
    ),
}
"""Globs below python/, by what they are for."""

WITH_SYMBOLS = ("cryptography/hazmat/bindings/_rust.abi3.so",)
"""The one library that comes with them: half a megabyte zipped. The others don't."""

READS_ITS_SOURCE = ("anyio/__init__.py", "anyio/abc/__init__.py")
"""anyio finds out there what to import on first use; without, it imports all."""

POSTPONED = (
    "fastapi/applications.py",
    "fastapi/param_functions.py",
    "fastapi/params.py",
    "fastapi/routing.py",
)
"""Compiled as if `from __future__ import annotations` stood in them (PEP 563): FastAPI
says in annotations what its parameters are for, and a cold start would make them all.
Who asks for one still gets it. Saves a cold start 24 million instructions of 1,300."""

FOR_TYPE_CHECKERS = ("pydantic_core/core_schema.py",)
"""Their TypedDicts lose their fields, which nothing reads that runs, and whose types
Python compiles one by one when it imports them. Saves 74 million."""


def main(layer: Path) -> None:
    """Turn the wheels installed in layer/python into what the layer holds."""
    python = layer / "python"
    for pattern in (glob for globs in LEFT_OUT.values() for glob in globs):
        found = list(python.glob(pattern))
        if not found:
            sys.exit(f"layer.py: {pattern} matches nothing any more: take it out")
        for path in found:
            remove(path)
    for name in (*POSTPONED, *FOR_TYPE_CHECKERS, *READS_ITS_SOURCE):
        if not (python / name).is_file():
            sys.exit(f"layer.py: there is no {name} any more: take it out")
    for path in list(python.rglob("__pycache__")):
        remove(path)
    for metadata in python.glob("*.dist-info/METADATA"):
        # What scanners look for; the package's README follows.
        headers = metadata.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        metadata.write_bytes(headers + b"\n")
    for library in WITH_SYMBOLS:
        path = python / library
        path.write_bytes(without_symbols(path.read_bytes()))
    for source in list(python.rglob("*.py")):
        compile_source(source, python)
    # Lambda's user isn't the one who builds, whatever that one's umask.
    for path in layer.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def without_symbols(elf: bytes) -> bytes:
    """Return a shared library without what is for linkers and debuggers.

    As `strip` would, but for any processor on any machine. What is loaded are the
    segments of the program headers; sections, and symbols that aren't dynamic, come
    after them (ELF-64 Object File Format, version 1.5).
    """
    header = bytearray(elf[:64])
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not an ELF file of 64 bits, little endian")
    (table,) = struct.unpack_from("<Q", header, 32)
    entry_size, entries = struct.unpack_from("<HH", header, 54)
    end = table + entries * entry_size
    for entry in range(table, end, entry_size):
        (offset,) = struct.unpack_from("<Q", elf, entry + 8)
        (size,) = struct.unpack_from("<Q", elf, entry + 32)
        end = max(end, offset + size)
    struct.pack_into("<Q", header, 40, 0)  # where the section headers are
    struct.pack_into("<HHH", header, 58, 0, 0, 0)  # their size, number and names
    return bytes(header) + elf[64:end]


def compile_source(source: Path, python: Path) -> None:
    """Compile a module for where it is in Lambda.

    Lambda's file system can't be written to, so what isn't byte code here would be
    compiled in each cold start, and zips date every file 1980, so byte code that is
    checked against its source's time would never be valid: it isn't checked (PEP 552).

    Our own modules keep their source, for tracebacks, and their docstrings. All the
    others are shipped without, which is worth 1.5 MB zipped.
    """
    path = source.relative_to(python)
    ours = path.parts[0] == "taskapi"
    text = source.read_bytes()
    tree = ast.parse(text)
    name = path.as_posix()
    if not ours:
        drop_docstrings(tree)
    if name in FOR_TYPE_CHECKERS:
        drop_fields(tree)
    postponed = __future__.annotations.compiler_flag if name in POSTPONED else 0
    code = compile(tree, f"/opt/python/{name}", "exec", postponed, dont_inherit=True)
    byte_code = (
        importlib.util.MAGIC_NUMBER
        + (1).to_bytes(4, "little")  # by hash, unchecked
        + importlib.util.source_hash(text)
        + marshal.dumps(code)
    )
    if ours or name in READS_ITS_SOURCE:
        compiled = Path(importlib.util.cache_from_source(str(source)))
        compiled.parent.mkdir(exist_ok=True)
    else:
        compiled = source.with_suffix(".pyc")
        source.unlink()
    compiled.write_bytes(byte_code)


def drop_docstrings(tree: ast.Module) -> None:
    """Take the docstrings out of a module, as `-OO` would, which takes asserts too.

    Decorated classes keep theirs: without one, a dataclass writes its own, which costs
    a cold start more than reading it.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Module():
                empty: list[ast.stmt] = []
            case (
                ast.ClassDef(decorator_list=[])
                | ast.FunctionDef()
                | ast.AsyncFunctionDef()
            ):
                empty = [ast.copy_location(ast.Pass(), node.body[0])]
            case _:
                continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or empty


def drop_fields(tree: ast.Module) -> None:
    """Take the fields out of a module's TypedDicts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id == "TypedDict" for base in node.bases
        ):
            node.body = [ast.copy_location(ast.Pass(), node.body[0])]


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The layer that `make build` makes: what is in it, what isn't, and that it works."""

import io
import json
import marshal
import os
import re
import secrets
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from types import CodeType

import pytest
from packaging.utils import canonicalize_name

from local.direct import event
from supply_chain.lock import SHARED, read_lock
from tests.support.build import NEEDS_THE_LAYER
from tests.support.once import once
from tests.support.pip_settings import ELSEWHERE
from tests.support.project import ROOT
from tests.support.secret_store import Store

pytestmark = NEEDS_THE_LAYER

LIMIT = 13_000_000
MACHINES = {"arm64": 183, "x86_64": 62}
"""ELF's e_machine."""

BUILD_TOOLS_AND_NAMES = {"cffi", "idna", "pycparser"}
"""Locked because others require them, and left out because nothing imports them."""

Layer = Callable[[str], Path]


@pytest.fixture(scope="session")
def layer(run_folder: Path) -> Layer:
    """Return a layer made without `sam build`, for any architecture, once a run."""

    def made(arch: str) -> Path:
        folder = run_folder / f"layer {arch}"
        with once(folder) as missing:
            if missing:
                make_layer(folder, f"ARCH={arch}")
        return folder

    return made


def make_layer(folder: Path, *variables: str) -> None:
    """Make it on a machine that has all of ELSEWHERE set."""
    made = subprocess.run(
        [
            "make",
            "-C",
            str(SHARED),
            "build-SharedLayer",
            f"ARTIFACTS_DIR={folder}",
            f"PYTHON={sys.executable}",
            *variables,
        ],
        env=os.environ | ELSEWHERE,
        capture_output=True,
        text=True,
        umask=0o077,
    )
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(params=MACHINES)
def arch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(layer: Path, code: str, **environment: str) -> str:
    """Run code with Lambda's Python, which finds the layer and nothing besides."""
    interpreter = Path(sys.base_prefix) / "bin" / "python3.13"
    done = subprocess.run(
        [interpreter, "-S", "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(layer / "python"), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_is_at_most_13_mb_zipped(layer: Layer, arch: str) -> None:
    zipped = io.BytesIO()

    # As `sam package` zips.
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files(layer(arch)):
            archive.write(file, file.relative_to(layer(arch)))

    assert zipped.tell() <= LIMIT


def test_holds_nothing_that_does_not_run(layer: Layer, arch: str) -> None:
    unwanted = re.compile(
        r"(^|/)(tests?|testclient\.\w+|bin|include|docs?|examples?|\w+\.egg-info"
        r"|boto3|botocore|INSTALLER|RECORD|layer\.py|requirements\.\w+"
        r"|migrate\.py|migrations)(/|$)"
        r"|\.(pyi|h|c|pxd|pyx|typed|a|pth)$|\.cpython-3(?!13)\d"
    )

    names = [str(file.relative_to(layer(arch))) for file in files(layer(arch))]

    assert [name for name in names if unwanted.search(name)] == []
    assert {name.partition("/")[0] for name in names} == {"python"}


def test_has_native_code_for_its_own_processor_alone(layer: Layer, arch: str) -> None:
    libraries = [file for file in files(layer(arch)) if ".so" in file.name]

    processors = {struct.unpack_from("<H", lib.read_bytes(), 18) for lib in libraries}

    assert processors == {(MACHINES[arch],)}
    assert len(libraries) > 15


def test_has_byte_code_that_is_not_checked_against_its_source(
    layer: Layer, arch: str
) -> None:
    compiled = [file for file in files(layer(arch)) if file.suffix == ".pyc"]
    sources = [file for file in files(layer(arch)) if file.suffix == ".py"]

    # PEP 552: the second word of the header is 1, "hash-based, unchecked".
    assert {file.read_bytes()[4:8] for file in compiled} == {b"\1\0\0\0"}
    assert len(compiled) > 300
    assert all(
        (file.parent / "__pycache__" / f"{file.stem}.cpython-313.pyc").exists()
        for file in sources
    )
    assert layer(arch) / "python/taskapi/web/handler.py" in sources


def test_tracebacks_name_the_files_of_lambda(layer: Layer, arch: str) -> None:
    for file in files(layer(arch)):
        if file.suffix == ".pyc":
            code: CodeType = marshal.loads(file.read_bytes()[16:])  # noqa: S302
            name = file.relative_to(layer(arch)).with_suffix("")
            expected = f"/opt/{name}".replace("__pycache__/", "")
            assert code.co_filename == expected.removesuffix(".cpython-313") + ".py"


def test_the_same_input_gives_the_same_bytes(build: Path, layer: Layer) -> None:
    # One made by `sam build`, one without, in another folder with another umask.
    [arch] = [a for a, m in MACHINES.items() if m == own_machine()]
    one, two = build / "SharedLayer", layer(arch)

    assert contents(one) == contents(two)


def own_machine() -> int:
    [machine] = struct.unpack_from("<H", Path(sys.executable).read_bytes()[:64], 18)
    return int(machine)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file.relative_to(folder)): (file.stat().st_mode, file.read_bytes())
        for file in files(folder)
    }


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def test_anyone_can_read_it(layer: Layer, arch: str) -> None:
    paths = list(layer(arch).rglob("*"))

    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in paths}

    assert modes == {(True, 0o755), (False, 0o644)}


def test_holds_the_locked_packages(layer: Layer, arch: str) -> None:
    found = {
        canonicalize_name(package.name): package.version
        for package in distributions(path=[str(layer(arch) / "python")])
    }

    pinned = {name: version for name, (version, _) in read_lock().items()}
    assert found == {k: v for k, v in pinned.items() if k not in BUILD_TOOLS_AND_NAMES}


def test_its_bill_of_materials_lists_the_locked_packages(
    build: Path, tmp_path: Path
) -> None:
    # With jsonschema, which takes two seconds to import: not in every worker.
    from supply_chain import sbom

    file = tmp_path / "sbom.json"

    sbom.main(build / "SharedLayer", file)

    parts = json.loads(file.read_bytes())["components"]
    assert {part["purl"]: bool(part["licenses"]) for part in parts} == {
        f"pkg:pypi/{name}@{version}": True
        for name, (version, _) in read_lock().items()
        if name not in BUILD_TOOLS_AND_NAMES
    }
    assert "openssl" in [
        bundled["name"] for part in parts for bundled in part.get("components", [])
    ]


INIT_PHASE = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
WORLDS = {
    "HS256": {"BETTER_AUTH_SECRET": secrets.token_hex(16), **INIT_PHASE},
    # Nothing listens there.
    "JWKS": {"BETTER_AUTH_URL": "http://localhost:9", **INIT_PHASE},
}

IMPORT_ALL = """
import importlib.util, json, pathlib, sys
for folder in sorted(pathlib.Path("functions").glob("[!_]*/")):
    spec = importlib.util.spec_from_file_location(folder.name, folder / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert callable(module.handler)
import aws_lambda_powertools.metrics
files = [getattr(module, "__file__", None) for module in sys.modules.values()]
print(json.dumps(list(filter(None, files))))
"""


@pytest.mark.parametrize("world", WORLDS)
def test_every_function_imports(build: Path, world: str) -> None:
    imported = json.loads(run(build / "SharedLayer", IMPORT_ALL, **WORLDS[world]))

    names = {Path(file).name for file in imported}
    assert {"handler.py", "tokens.py", "signatures.py"} <= names
    assert ("jwks.py" in names) is (world == "JWKS")


def test_fastapi_imports_nothing_optional(build: Path) -> None:
    imported = json.loads(run(build / "SharedLayer", IMPORT_ALL, **WORLDS["HS256"]))

    optional = ("/pydantic/v1/", "/opentelemetry/", "/pydantic_extra_types/")
    assert not [file for file in imported if any(name in file for name in optional)]


RECORD_DATACLASSES = """
import builtins
execute, sources = exec, []
def record(code, *arguments):
    if isinstance(code, str) and "__dataclass" in code:
        sources.append(code)
    execute(code, *arguments)
builtins.exec = record
"""


def test_python_compiles_no_dataclass(build: Path) -> None:
    # One function, as in Lambda: once it is imported, the compiled code isn't used.
    import_one = IMPORT_ALL.replace("[!_]*/", "list_tasks")
    code = RECORD_DATACLASSES + import_one + "print(json.dumps(sources))"

    printed = run(build / "SharedLayer", code, **WORLDS["JWKS"])

    assert json.loads(printed.splitlines()[-1]) == []


IMPORT_EACH = """
import importlib, pathlib, sys
python = pathlib.Path({python!r})
packages = {{path.name.partition(".")[0] for path in python.iterdir()}}
for file in sorted(python.rglob("*.py*")):
    if file.parent.name == "__pycache__" or file.stem == "__main__":
        continue
    parts = file.relative_to(python).with_suffix("").parts
    try:
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in packages:
            print(parts, "lacks", error.name)
"""


def test_nothing_that_it_holds_imports_what_it_does_not(build: Path) -> None:
    layer = build / "SharedLayer"

    printed = run(layer, IMPORT_EACH.format(python=str(layer / "python")))

    assert printed == ""


def test_reads_the_secret_without_boto3(build: Path) -> None:
    code = (
        "import sys\n"
        "from taskapi.settings.environment import database_url\n"
        "print(database_url(), 'botocore' in sys.modules)"
    )

    with Store().serving() as store:
        store.put({"DATABASE_URL": "stored"})
        printed = run(
            build / "SharedLayer",
            code,
            SECRET_ARN=store.arn,
            AWS_ENDPOINT_URL=store.origin,
            **store.keys,
        )

    assert printed.split() == ["stored", "False"]


def test_most_of_what_it_holds_is_imported(build: Path) -> None:
    layer = build / "SharedLayer"
    sizes = {
        str(file): file.stat().st_size
        for file in files(layer)
        if file.suffix in (".py", ".pyc") and file.parent.name != "__pycache__"
    }

    imported = json.loads(run(layer, IMPORT_ALL, **WORLDS["JWKS"]))

    unused = {file: size for file, size in sizes.items() if file not in imported}
    assert sum(unused.values()) < 0.2 * sum(sizes.values()), sorted(unused)


ROUND_TRIPS = """
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
keys = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "RS256": (key := rsa.generate_private_key(65537, 2048)),
    "PS256": key,
}
for algorithm, key in keys.items():
    token = jwt.encode({"sub": "a"}, key, algorithm)
    try:
        jwt.decode(token[:-8] + "AAAAAAAA", key.public_key(), [algorithm])
    except jwt.InvalidSignatureError:
        print(algorithm, jwt.decode(token, key.public_key(), [algorithm])["sub"])
"""


def test_checks_signatures_of_every_algorithm(build: Path) -> None:
    printed = run(build / "SharedLayer", ROUND_TRIPS)

    assert printed.splitlines() == [
        "EdDSA a",
        "ES256 a",
        "ES512 a",
        "RS256 a",
        "PS256 a",
    ]


THREADED = """
from fastapi import FastAPI
from mangum import Mangum
app = FastAPI()

@app.get("/")
def endpoint():
    return "threaded"

print(Mangum(app, lifespan="off")({event!r}, None)["body"])
"""


def test_serves_endpoints_that_hop_threads(build: Path) -> None:
    printed = run(build / "SharedLayer", THREADED.format(event=event("GET /")))

    assert printed.strip() == '"threaded"'


FASTAPI = """
import json
from typing import Annotated, Literal, NotRequired, TypedDict
from fastapi import Body, Depends, FastAPI, Header, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from mangum import Mangum
from pydantic import BaseModel, Field, TypeAdapter

class Shade(TypedDict):
    name: Literal["dark", "light"]
    depth: NotRequired[int]

class Asked(BaseModel):
    many: list[int] = []
    text: str | None = Field(None, max_length=3)

app = FastAPI()

@app.put("/{key}")
async def endpoint(
    key: int,
    asked: Annotated[Asked, Query()],
    bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
    shade: Annotated[Shade, Body()],
    x_other: Annotated[str, Header()] = "none",
) -> list[Shade]:
    return [shade, {"name": "dark", "depth": key + sum(asked.many)}]

serve = Mangum(app, lifespan="off")
for body in ({"name": "light"}, {"name": "grey"}):
    event = json.loads(EVENT) | {"body": json.dumps(body)}
    answer = serve(event, None)
    print(answer["statusCode"], answer["body"])
print(json.dumps(app.openapi(), sort_keys=True))
print(json.dumps(TypeAdapter(list[Shade]).json_schema()))
"""


def test_what_was_left_out_of_fastapi_and_pydantic_is_not_missed(build: Path) -> None:
    sent = event(
        "PUT /{key}",
        path={"key": "7"},
        query="many=1&many=2&text=abc&other=1",
        headers={"authorization": "Bearer a", "content-type": "application/json"},
    )
    code = f"EVENT = {json.dumps(sent)!r}" + FASTAPI

    by_layer = run(build / "SharedLayer", code)

    by_wheels = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert by_layer == by_wheels.stdout
    assert by_layer.startswith('200 [{"name":"light"},{"name":"dark","depth":10}]\n422')


def test_typed_dicts_of_core_schemas_have_no_fields(build: Path) -> None:
    code = """
from pydantic_core import core_schema
print(core_schema.StringSchema.__annotations__, core_schema.str_schema(min_length=1))
"""

    printed = run(build / "SharedLayer", code)

    assert printed == "{} {'type': 'str', 'min_length': 1}\n"


def test_says_loudly_that_python_3_13_is_missing(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "-C", SHARED, "build-SharedLayer", f"ARTIFACTS_DIR={tmp_path}"],
        env={"PATH": "/usr/bin:/bin", "PYENV_ROOT": str(tmp_path), "HOME": "/none"}
        | {"PYTHON": "/bin/false"},
        capture_output=True,
        text=True,
    )

    assert made.returncode != 0
    assert "THE LAYER NEEDS PYTHON 3.13" in made.stderr
    assert "uv python install 3.13" in made.stderr
    assert os.listdir(tmp_path) == []

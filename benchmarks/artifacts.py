"""Build what the benchmarks measure, as it is deployed.

Everything is in .aws-sam/bench and is built again when its sources change.
"""

import fcntl
import hashlib
import itertools
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".aws-sam" / "bench"
BASELINES = ROOT / "benchmarks" / "baselines"
ARCH = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"

PYTHON = Path(sys.base_prefix) / "bin" / "python3.13"
"""The interpreter itself, not .venv's: it can't import the packages of .venv."""

RUNTIME = (
    "awslambdaric",
    "simplejson",
    "snapshot_restore_py.py",
    "runtime_client*.so",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "six.py",
    "urllib3",
)
"""What Lambda's runtime brings: its client and boto3."""

LOGICAL_IDS = {
    "bare": "Bare",
    "powertools": "Powertools",
    "fastapi": "FastApi",
    "legacy": "Legacy",
}
OPERATIONS = {
    "list_tasks": "ListTasks",
    "create_task": "CreateTask",
    "get_task": "GetTask",
    "update_task": "UpdateTask",
    "complete_task": "CompleteTask",
    "delete_task": "DeleteTask",
}


@dataclass(frozen=True)
class Artifact:
    """A function as Lambda has it: the folders of /var/task and of /opt/python."""

    task: Path
    layers: tuple[Path, ...] = ()

    @property
    def python_path(self) -> str:
        """Return PYTHONPATH, with Lambda's runtime at its end."""
        return ":".join(map(str, [*self.layers, runtime()]))

    def unzipped_size(self) -> int:
        """Return the bytes of all files."""
        files = list_files((self.task, *self.layers))
        return sum(file.stat().st_size for file in files)

    def zipped_size(self) -> int:
        """Return the bytes of the zips that SAM uploads, function and layer."""
        return sum(zipped_size(folder) for folder in (self.task, *self.layers))


def baseline(name: str, *, shipped: bool = False) -> Artifact:
    """Return a baseline with byte code, or (shipped) as `sam build` leaves it."""
    built = build_baseline(name)
    target = FOLDER / "ready" / f"{name}{'-shipped' if shipped else ''}"
    make_if_changed(
        target,
        hash_files([built.with_name(f"{name}.stamp")]),
        lambda: install(built / LOGICAL_IDS[name], target, compiled=not shipped),
    )
    return Artifact(target)


def ours(operation: str = "list_tasks") -> Artifact:
    """Return one of our functions and the layer, as `make build` leaves them."""
    built = build_ours()
    target, logical_id = FOLDER / "ready" / "ours", OPERATIONS[operation]

    def make() -> None:
        for name in ("SharedLayer", *OPERATIONS.values()):
            install(built / name, target / name, compiled=False)

    make_if_changed(target, hash_files([built.with_name("ours.stamp")]), make)
    return Artifact(target / logical_id, (target / "SharedLayer" / "python",))


def build_baseline(name: str) -> Path:
    """Run `sam build` for a baseline; return the folder it writes."""
    target = FOLDER / "baselines" / name
    command: list[str | Path] = [
        *(ROOT / ".venv-sam/bin/sam", "build", LOGICAL_IDS[name]),
        *("--template", BASELINES / "template.yaml"),
        *("--parameter-overrides", f"Architecture={ARCH}"),
        *("--build-dir", target),
    ]
    stamp = hash_files([BASELINES / "template.yaml", BASELINES / name])
    make_if_changed(target, stamp, lambda: run(command))
    return target


def build_ours() -> Path:
    """Run `make build`; return the folder it writes."""
    target = FOLDER / "ours"
    command = ["make", "build", f"ARCH={ARCH}", f"BUILD_DIR={target}"]
    stamp = hash_files(
        ROOT / name for name in ("Makefile", "template.yaml", "functions", "shared")
    )
    make_if_changed(target, stamp, lambda: run(command))
    return target


def runtime() -> Path:
    """Return a folder with what Lambda's runtime brings, with byte code as there."""
    site = next(Path(p) for p in sys.path if p.startswith(sys.prefix) and "site" in p)
    target = FOLDER / "ready" / "runtime"

    def make() -> None:
        target.mkdir(parents=True)
        for file in (file for package in RUNTIME for file in site.glob(package)):
            if file.is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(file, target / file.name, ignore=without)
            else:
                shutil.copy(file, target / file.name)
        compile_all(target)
        make_read_only(target)

    versions = [
        sorted(site.glob(f"{p.removesuffix('.py')}-*/METADATA")) for p in RUNTIME
    ]
    make_if_changed(target, hash_files(itertools.chain(*versions)), make)
    return target


def install(built: Path, target: Path, *, compiled: bool) -> None:
    """Copy a build to target and make it read-only."""
    shutil.copytree(built, target)
    if compiled:
        compile_all(target)
    make_read_only(target)


def compile_all(folder: Path) -> None:
    """Add byte code as our layer has it: for Python 3.13, unchecked."""
    subprocess.run(
        [
            *(PYTHON, "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", folder, "-p", "/var/task", folder),
        ],
        check=True,
    )


def make_read_only(folder: Path) -> None:
    """Remove write permission, which /var/task and /opt don't have either.

    Root may write anyway, so `unprivileged` is needed too.
    """
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def unprivileged() -> list[str | Path]:
    """Return a command that runs another one without root's right to write anywhere.

    A read-only mount would do as well, but root in a container often can't mount.
    """
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override", "--"]


def make_if_changed(target: Path, stamp: str, make: Callable[[], object]) -> None:
    """Call make unless target was made with the same stamp; one process at a time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    note, lock = (target.with_name(f"{target.name}.{end}") for end in ("stamp", "lock"))
    with lock.open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if target.exists() and note.exists() and note.read_text() == stamp:
            return
        note.unlink(missing_ok=True)
        if target.exists():
            for path in (target, *target.rglob("*")):
                path.chmod(path.stat().st_mode | 0o200)
            shutil.rmtree(target)
        print(f"Making {target.relative_to(ROOT)} ...", file=sys.stderr)
        make()
        note.write_text(stamp)


def hash_files(sources: Iterable[Path]) -> str:
    """Return a hash of the names and contents of all files in sources."""
    digest = hashlib.sha256(f"{sys.version} {ARCH}".encode())
    for file in list_files(sources):
        digest.update(f"\0{file}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def list_files(sources: Iterable[Path]) -> Sequence[Path]:
    """Return all files in sources, without byte code that isn't shipped."""
    return [
        file
        for source in sources
        for file in ([source] if source.is_file() else sorted(source.rglob("*")))
        if file.is_file()
        and ("__pycache__" not in file.parts or FOLDER in file.parents)
    ]


def zipped_size(folder: Path) -> int:
    """Return the bytes of a zip of folder, deflated as SAM does it."""
    target = FOLDER / f"size-{os.getpid()}.zip"
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in list_files([folder]):
                archive.write(file, file.relative_to(folder))
        return target.stat().st_size
    finally:
        target.unlink(missing_ok=True)


def run(command: Sequence[str | Path]) -> None:
    """Run a build; if it fails, exit with its output."""
    if sys.version_info[:2] != (3, 13):
        sys.exit("The benchmarks need Python 3.13, which runs the functions in Lambda.")
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
    }
    build = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if build.returncode:
        sys.exit(build.stdout + build.stderr)

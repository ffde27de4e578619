"""What is measured, as it is deployed: built by `sam build`, made ready once, kept.

Everything lies below .aws-sam/bench and is made again when what it comes from changes.
"""

import fcntl
import hashlib
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
PEERS = ROOT / "benchmarks" / "peers"
ARCH = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"

PYTHON = Path(sys.base_prefix) / "bin" / "python3.13"
"""The interpreter itself: nothing that .venv has can be imported by it."""

RUNTIME_CLIENT = (
    "awslambdaric",
    "simplejson",
    "snapshot_restore_py.py",
    "runtime_client*.so",
)

BOTO3 = (
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "six.py",
    "urllib3",
)

LOGICAL_IDS = {
    "floor": "Floor",
    "powertools": "Powertools",
    "fastapi": "FastApi",
    "replaced": "Replaced",
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
    """A function as Lambda would have it: /var/task, and what is below /opt/python."""

    task: Path
    layers: tuple[Path, ...] = ()

    @property
    def python_path(self) -> str:
        """Return PYTHONPATH, with the runtime client at its end as in Lambda."""
        return ":".join(map(str, [*self.layers, runtime_client()]))

    def unzipped(self) -> int:
        """Return bytes."""
        return sum(file.stat().st_size for file in files((self.task, *self.layers)))

    def zipped(self) -> int:
        """Return the bytes of the zips that SAM uploads, function and layer."""
        return sum(zipped(folder) for folder in (self.task, *self.layers))


def peer(name: str, *, shipped: bool = False) -> Artifact:
    """Return a peer with byte code; shipped: without, just as `sam build` leaves it."""
    built = peer_build(name)
    target = FOLDER / "ready" / f"{name}{'-shipped' if shipped else ''}"
    with_stamp(
        target,
        stamp_of([built.with_name(f"{name}.stamp")]),
        lambda: ready(built / LOGICAL_IDS[name], target, compiled=not shipped),
    )
    return Artifact(target)


def ours(operation: str = "list_tasks") -> Artifact:
    """Return one of our functions and the layer, just as `make build` leaves them."""
    built = our_build()
    target, logical_id = FOLDER / "ready" / "ours", OPERATIONS[operation]

    def make() -> None:
        for name in ("SharedLayer", *OPERATIONS.values()):
            ready(built / name, target / name, compiled=False)

    with_stamp(target, stamp_of([built.with_name("ours.stamp")]), make)
    return Artifact(target / logical_id, (target / "SharedLayer" / "python",))


def peer_build(name: str) -> Path:
    """Return the folder of `sam build` for a peer."""
    target = FOLDER / "peers" / name
    command: list[str | Path] = [
        *(ROOT / ".venv-sam/bin/sam", "build", LOGICAL_IDS[name]),
        *("--template", PEERS / "template.yaml"),
        *("--parameter-overrides", f"Architecture={ARCH}"),
        *("--build-dir", target),
    ]
    stamp = stamp_of([PEERS / "template.yaml", PEERS / name])
    with_stamp(target, stamp, lambda: run(command))
    return target


def our_build() -> Path:
    """Return the folder of `make build`."""
    target = FOLDER / "ours"
    command = ["make", "build", f"ARCH={ARCH}", f"BUILD_DIR={target}"]
    stamp = stamp_of(
        ROOT / name for name in ("Makefile", "template.yaml", "functions", "shared")
    )
    with_stamp(target, stamp, lambda: run(command))
    return target


def runtime_client() -> Path:
    """Return a folder with the runtime client alone."""
    return installed("runtime", RUNTIME_CLIENT)


def boto3() -> Path:
    """Return a folder with what Lambda's runtime has besides its client."""
    return installed("boto3", BOTO3)


def installed(name: str, packages: Sequence[str]) -> Path:
    """Return a folder of packages of this environment, with byte code as in Lambda."""
    site = next(Path(p) for p in sys.path if p.startswith(sys.prefix) and "site" in p)
    target = FOLDER / "ready" / name

    def make() -> None:
        target.mkdir(parents=True)
        for file in (file for package in packages for file in site.glob(package)):
            if file.is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(file, target / file.name, ignore=without)
            else:
                shutil.copy(file, target / file.name)
        compile_all(target)
        read_only(target)

    versions = [
        sorted(site.glob(f"{p.removesuffix('.py')}-*/METADATA")) for p in packages
    ]
    with_stamp(target, stamp_of(file for found in versions for file in found), make)
    return target


def ready(built: Path, target: Path, *, compiled: bool) -> None:
    """Copy what was built to target, where it can't be written to."""
    shutil.copytree(built, target)
    if compiled:
        compile_all(target)
    read_only(target)


def compile_all(folder: Path) -> None:
    """Add byte code as our layer has it: Python 3.13's, unchecked."""
    subprocess.run(
        [
            *(PYTHON, "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", folder, "-p", "/var/task", folder),
        ],
        check=True,
    )


def read_only(folder: Path) -> None:
    """Take the right to write away, as /var/task and /opt have none.

    Root keeps its own right to write everywhere, so `unprivileged` is needed too.
    """
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def unprivileged() -> list[str | Path]:
    """Return the command that runs another one without root's right to write.

    A mount would do as well, but containers that are root may often not mount.
    """
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override", "--"]


def with_stamp(target: Path, stamp: str, make: Callable[[], object]) -> None:
    """Make target anew unless it was made from the same, one at a time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    note, lock = (target.with_name(f"{target.name}.{end}") for end in ("stamp", "lock"))
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
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


def stamp_of(sources: Iterable[Path]) -> str:
    """Return a hash of names and contents."""
    digest = hashlib.sha256(f"{sys.version} {ARCH}".encode())
    for file in files(sources):
        digest.update(f"\0{file}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def files(sources: Iterable[Path]) -> Sequence[Path]:
    """Return all files in sources, without byte code that isn't shipped."""
    return [
        file
        for source in sources
        for file in ([source] if source.is_file() else sorted(source.rglob("*")))
        if file.is_file()
        and ("__pycache__" not in file.parts or FOLDER in file.parents)
    ]


def zipped(folder: Path) -> int:
    """Return the bytes of a zip of folder, deflated as SAM does it."""
    target = FOLDER / f"size-{os.getpid()}.zip"
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files([folder]):
                archive.write(file, file.relative_to(folder))
        return target.stat().st_size
    finally:
        target.unlink(missing_ok=True)


def run(command: Sequence[str | Path]) -> None:
    """Run a build; show what it said where it fails."""
    if sys.version_info[:2] != (3, 13):
        sys.exit("The benchmarks need Python 3.13, which runs the functions in Lambda.")
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
    }
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if made.returncode:
        sys.exit(made.stdout + made.stderr)

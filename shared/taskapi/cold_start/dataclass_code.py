"""Give @dataclass the byte code of its methods, which the build has compiled.

@dataclass writes the source of a class's methods and has Python compile it, at each
import. It looks `exec` up in its own module first, so that's where the code comes from.
The source is the key: whatever the build hasn't compiled, Python compiles as always.

Outside of Lambda's init phase, this module does nothing.
"""

import dataclasses
import marshal
from pathlib import Path
from types import CodeType

from taskapi.cold_start.init_phase import START

FILE = Path(__file__).with_name("dataclass_code.marshal")
"""Made by layer.py, so it is in the layer only."""


def use() -> None:
    """Use the compiled code from now on."""
    compiled: dict[str, CodeType] = marshal.loads(FILE.read_bytes())  # noqa: S302

    def execute(
        source: str, globals: dict[str, object], locals: dict[str, object]
    ) -> None:
        exec(compiled.get(source, source), globals, locals)  # noqa: S102

    vars(dataclasses)["exec"] = execute


def stop() -> None:
    """Leave the dataclasses module as it was."""
    vars(dataclasses).pop("exec", None)


if START and FILE.exists():
    use()

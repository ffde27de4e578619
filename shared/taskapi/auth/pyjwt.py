"""PyJWT's HMAC, imported without `cryptography`, which HS256 doesn't use.

PyJWT imports `cryptography` if that is installed. So PyJWT's modules for HMAC run
here a second time, as private objects whose imports go through `import_module` below,
which finds no `cryptography`. None of them is in sys.modules: `import jwt` gives the
whole PyJWT, before and after.
"""

import builtins
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from jwt.algorithms import HMACAlgorithm


class HasCode(Protocol):
    """A module loader that has byte code, with or without the source."""

    def get_code(self, fullname: str) -> CodeType: ...


def hmac_sha256() -> "HMACAlgorithm":
    """Return PyJWT's algorithm that checks HS256 signatures."""
    if "jwt" in sys.modules:
        from jwt import algorithms
    else:
        algorithms = private_algorithms()
    hmac: HMACAlgorithm = algorithms.HMACAlgorithm(algorithms.HMACAlgorithm.SHA256)
    return hmac


@cache
def private_algorithms() -> ModuleType:
    """Return PyJWT's module `algorithms` without `cryptography`."""
    return private_module("algorithms", {})


def private_module(name: str, loaded: dict[str, ModuleType]) -> ModuleType:
    """Return a copy of PyJWT's module of this name that only this module uses.

    loaded: the copies made so far, by name. Raises ModuleNotFoundError if a new PyJWT
    no longer has such a module.
    """
    if name in loaded:
        return loaded[name]
    package = find_spec("jwt")
    within = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec(f"jwt.{name}", within)
    if spec is None:
        raise ModuleNotFoundError(f"PyJWT has no module {name}")

    def import_module(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            return private_module(name, loaded)
        if name.partition(".")[0] == "cryptography":
            raise ModuleNotFoundError(name)
        return __import__(name, globals, locals, fromlist)

    module = loaded[name] = module_from_spec(spec)
    own = vars(builtins) | {"__import__": import_module}
    module.__dict__["__builtins__"] = own
    code = cast(HasCode, spec.loader).get_code(spec.name)
    exec(code, vars(module))  # noqa: S102
    return module

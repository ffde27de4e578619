"""The functions of a project as its template and its code are on disk right now."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from local.pool import Pool, source_version
from local.routes import Router
from local.template import Cors, Function, Template, TemplateError, load_template


def local_template(path: Path) -> Template:
    """Return what `make run` serves: also to this machine's pages, by default."""
    template = load_template(path, os.environ.get("ALLOWED_ORIGINS"))
    if template.cors and not os.environ.get("ALLOWED_ORIGINS", "").strip():
        return replace(template, cors=replace(template.cors, allow_this_machine=True))
    return template


class Project:
    """`root` holds template.yaml; raises `TemplateError` where that is broken."""

    def __init__(self, root: Path) -> None:
        self._path = root / "template.yaml"
        self._pools: dict[str, Pool] = {}
        self._written = 0
        self._load()

    def _load(self) -> None:
        self._written = _written(self._path)
        self._error: TemplateError | None = None
        template = local_template(self._path)
        self.cors: Cors | None = template.cors
        self._layers = template.layers
        self._router = Router(template.functions)

    async def router(self) -> Router:
        """The routes; raises `TemplateError` while template.yaml is broken."""
        if _written(self._path) != self._written:
            pools, self._pools = self._pools, {}
            try:
                self._load()
            except TemplateError as error:
                self._error = error
            await asyncio.gather(*(pool.retire() for pool in pools.values()))
        if self._error:
            raise self._error
        return self._router

    async def pool(self, function: Function) -> Pool:
        """The environments that have the function's code as it is now."""
        version = source_version([function.folder, *self._layers])
        pool = self._pools.get(function.name)
        if pool and pool.version == version:
            return pool
        self._pools[function.name] = new = Pool(function, version)
        if pool:
            await pool.retire()
        return new

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0

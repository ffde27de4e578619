"""A project's functions, reloaded when its template or code changes."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from local.pool import Pool, source_version
from local.request_log import RequestLog
from local.routes import Router
from local.template import Cors, Function, Template, TemplateError, load_template


def local_template(path: Path) -> Template:
    """Return the template as `make run` serves it.

    Unless ALLOWED_ORIGINS is set, it also allows the pages of this machine.
    """
    template = load_template(path, os.environ.get("ALLOWED_ORIGINS"))
    if template.cors and not os.environ.get("ALLOWED_ORIGINS", "").strip():
        return replace(template, cors=replace(template.cors, allow_this_machine=True))
    return template


class Project:
    """Read `root`/template.yaml; raise `TemplateError` if that is broken."""

    def __init__(self, root: Path, log: RequestLog | None = None) -> None:
        self._log = log
        self._path = root / "template.yaml"
        self._pools: dict[str, Pool] = {}
        self._modified = 0
        self._load()

    def _load(self) -> None:
        self._modified = modified_time(self._path)
        self._error: TemplateError | None = None
        template = local_template(self._path)
        self.cors: Cors | None = template.cors
        self._layers = template.layers
        self._router = Router(template.functions)

    async def router(self) -> Router:
        """Return the routes; raise `TemplateError` while template.yaml is broken."""
        if modified_time(self._path) != self._modified:
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
        """Return the environments that run the function's current code."""
        version = source_version([function.folder, *self._layers])
        pool = self._pools.get(function.name)
        if pool and pool.version == version:
            return pool
        self._pools[function.name] = new = Pool(function, version, self._log)
        if pool:
            await pool.retire()
        return new

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))


def modified_time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0

"""The documentation page, and the document made from the code on disk."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from starlette.staticfiles import StaticFiles

SOURCES = ("functions/*/*.py", "openapi/*.py", "shared/**/*.py")
SourceVersion = dict[Path, tuple[int, int]]
"""By file: when it was changed, in nanoseconds, and its size."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tasks: the API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<div id="docs" data-token="%(token)s"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
const { token } = document.getElementById("docs").dataset;
const docs = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  tryItOutEnabled: true,
  onComplete: () => token && docs.preauthorizeApiKey("bearer", token),
});
</script>
"""


def assets() -> StaticFiles:
    """Return Swagger UI, which the page loads from /docs/assets."""
    return StaticFiles(packages=[("fastapi_swagger", "resources")])


class CurrentDocument:
    """The document of the functions in `root`, made again when the code changes.

    A new process makes it, so that it imports the code as it is on disk now; there is
    never more than one at a time, however many requests come in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = asyncio.Lock()
        self._version: SourceVersion | None = None
        self._document: Mapping[str, object] | None = None

    async def read(self) -> Mapping[str, object] | None:
        """Return the document; None if the code is broken: stderr has the traceback."""
        async with self._lock:
            version = source_version(self._root)
            if version != self._version:
                self._document = await make_document(self._root)
                self._version = version
            return self._document


def source_version(root: Path) -> SourceVersion:
    """Return the times and sizes of the files that the document depends on."""
    return {
        file: (file.stat().st_mtime_ns, file.stat().st_size)
        for pattern in SOURCES
        for file in root.glob(pattern)
    }


async def make_document(root: Path) -> Mapping[str, object] | None:
    """Return the document that a new process makes; None if it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "openapi"),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        return None
    document: dict[str, object] = json.loads(written)
    return document

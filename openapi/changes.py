"""`python -m openapi.changes [commit]`: would this openapi.json break a client?

Compares the document of a commit (default: HEAD) with the one on disk. A request that
was valid must stay valid, and clients must get only the answers that the old document
describes. A change that breaks one of the two needs another major version in `info`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from openapi.document import ROOT

Json = Mapping[str, Any]

UPPER = ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")
LOWER = ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")


def main() -> int:
    """Print the changes; return 1 if they need another major version."""
    commit = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    shown = subprocess.run(
        ["git", "show", f"{commit}:openapi.json"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    old = json.loads(shown.stdout)
    new = json.loads((ROOT / "openapi.json").read_text())
    found = list(breaking(old, new))
    for change in found:
        print(f"breaking: {change}")
    if not found:
        print("unchanged" if old == new else "changed, and breaks no client")
    return 1 if found and major(old) == major(new) else 0


def major(document: Json) -> str:
    """Return the major version of the API."""
    return str(document["info"]["version"]).partition(".")[0]


def breaking(old: Json, new: Json) -> Iterator[str]:
    """Yield each change that may break a client, in words."""
    return Comparison(old, new).operations()


class Comparison:
    """Finds what the old document promises and the new one doesn't."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, operation in methods.items():
                where = f"{method.upper()} {path}"
                new = self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{where}: removed"
                    continue
                if operation.get("operationId") != new.get("operationId"):
                    yield f"{where}: operationId has changed"
                if new.get("security", []) != operation.get("security", []):
                    yield f"{where}: security has changed"
                yield from self._parameters(operation, new, where)
                yield from self._body(operation, new, where)
                yield from self._responses(operation, new, where)

    def _parameters(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = parameters_by_name(old), parameters_by_name(new)
        for key, parameter in before.items():
            if key not in after:
                yield f"{where}: parameter {key[1]} removed"
                continue
            named = f"{where}: parameter {key[1]}"
            yield from self._request(parameter["schema"], after[key]["schema"], named)
        for key, parameter in after.items():
            was_required = before.get(key, {}).get("required", False)
            if parameter.get("required") and not was_required:
                yield f"{where}: parameter {key[1]} is required now"

    def _body(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{where}: the body is required now"
        for kind, content in before.get("content", {}).items():
            if kind not in after.get("content", {}):
                yield f"{where}: no body of {kind} any more"
                continue
            taken = after["content"][kind]["schema"]
            yield from self._request(content["schema"], taken, f"{where}: body")

    def _responses(self, old: Json, new: Json, where: str) -> Iterator[str]:
        for status, before in old["responses"].items():
            after = new["responses"].get(status)
            answer = f"{where}: {status}"
            if after is None:
                # An error that doesn't happen any more breaks nobody.
                if status < "400":
                    yield f"{answer} removed"
                continue
            for name, header in before.get("headers", {}).items():
                if self._resolved(header, self._old).get("required"):
                    kept = after.get("headers", {}).get(name, {})
                    if not self._resolved(kept, self._new).get("required"):
                        yield f"{answer} doesn't always have {name} any more"
            for kind, content in before.get("content", {}).items():
                if kind not in after.get("content", {}):
                    yield f"{answer} has no {kind} any more"
                    continue
                given = after["content"][kind]["schema"]
                yield from self._response(content["schema"], given, answer)

    def _request(self, old: Json, new: Json, where: str) -> Iterator[str]:
        for lost in self._beyond((old, self._old), (new, self._new), where, ()):
            yield f"{lost} isn't accepted any more"

    def _response(self, old: Json, new: Json, where: str) -> Iterator[str]:
        for found in self._beyond((new, self._new), (old, self._old), where, ()):
            yield f"{found} wasn't returned before"

    def _beyond(
        self,
        wide: tuple[Json | Literal[False], Json],
        narrow: tuple[Json | Literal[False], Json],
        where: str,
        seen: tuple[str, ...],
    ) -> Iterator[str]:
        """Yield what the first schema allows and the second doesn't.

        Each schema comes with its document; False allows nothing. seen: references
        that are being compared.
        """
        if wide[0] is False:
            return
        if narrow[0] is False:
            yield where
            return
        if (reference := wide[0].get("$ref")) and reference in seen:
            return
        seen = (*seen, reference) if reference else seen
        first = self._resolved(wide[0], wide[1])
        second = self._resolved(narrow[0], narrow[1])
        options = first.get("anyOf") or first.get("oneOf") or [first]
        choices = second.get("anyOf") or second.get("oneOf") or [second]
        if len(options) > 1 or len(choices) > 1:
            for option in options:
                reasons = [
                    list(
                        self._beyond(
                            (option, wide[1]), (choice, narrow[1]), where, seen
                        )
                    )
                    for choice in choices
                ]
                if all(reasons):
                    yield min(reasons, key=len)[0]
            return
        yield from compare_values(first, second, where)
        properties, others = first.get("properties", {}), second.get("properties", {})
        for name in second.get("required", []):
            if name not in first.get("required", []):
                yield f"{where} without {name}"
        for name, schema in properties.items():
            if name in others:
                inner = (schema, wide[1]), (others[name], narrow[1])
                yield from self._beyond(*inner, f"{where}.{name}", seen)
            elif wide[1] is self._old:
                yield f"{where}.{name}"
        if "items" in first and "items" in second:
            inner = (first["items"], wide[1]), (second["items"], narrow[1])
            yield from self._beyond(*inner, f"{where}[]", seen)

    @staticmethod
    def _resolved(schema: Json, document: Json) -> Json:
        while reference := schema.get("$ref"):
            part: Any = document
            for name in reference.removeprefix("#/").split("/"):
                part = part[name]
            schema = part
        return schema


def parameters_by_name(operation: Json) -> dict[tuple[str, str], Json]:
    """Return the parameters; a header's name has no case (RFC 9110, section 5.1)."""
    return {
        (each["in"], parameter_name(each)): each
        for each in operation.get("parameters", [])
    }


def parameter_name(parameter: Json) -> str:
    name: str = parameter["name"]
    return name.lower() if parameter["in"] == "header" else name


def compare_values(first: Json, second: Json, where: str) -> Iterator[str]:
    """Yield the values that only the first schema allows, without nested ones."""
    types = types_of(first) - types_of(second)
    if "number" in types_of(second):
        types -= {"integer"}
    for kind in sorted(types):
        yield f"{where} of type {kind}"
    allowed = choices_of(second)
    if allowed is not None:
        for value in choices_of(first) or ["any other value"]:
            if value not in allowed:
                yield f"{where} = {value}"
    for name in UPPER:
        if name in second and not first.get(name, float("inf")) <= second[name]:
            yield f"{where} over {name} {second[name]}"
    for name in LOWER:
        if name in second and not first.get(name, float("-inf")) >= second[name]:
            yield f"{where} under {name} {second[name]}"
    for name in ("pattern", "format"):
        if name in second and first.get(name) != second[name]:
            yield f"{where} of another {name} than {second[name]}"


def types_of(schema: Json) -> set[str]:
    kinds = schema.get("type", ["any"])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def choices_of(schema: Json) -> list[object] | None:
    if "const" in schema:
        return [schema["const"]]
    choices: list[object] | None = schema.get("enum")
    return choices


if __name__ == "__main__":
    sys.exit(main())

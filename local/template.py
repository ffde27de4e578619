"""What the gateway needs to know of template.yaml: functions, routes and CORS.

`python -m local.template` prints template.yaml as JSON, its loops written out, for
programs that don't know loops.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from local.loops import expand
from local.origins import parse_origins


class TemplateError(Exception):
    """template.yaml can't be used; the message is one line that says why."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Function:
    """`timeout` is in seconds, `memory` in MB, as in the template."""

    name: str
    folder: Path
    handler: str
    timeout: float
    memory: int
    environment: Mapping[str, str]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Cors:
    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int | None
    allow_credentials: bool
    allow_this_machine: bool = False
    """Pages served by this machine too, on any port: `make run` only."""


@dataclass(frozen=True)
class Template:
    """`layers` are the folders that every function can import from."""

    functions: tuple[Function, ...]
    layers: tuple[Path, ...]
    cors: Cors | None


def load_template(path: Path, allowed_origins: str | None = None) -> Template:
    """Read `path`; a comma-separated `allowed_origins` replaces the template's."""
    document = _resolved(read_template(path))
    try:
        template = _template(document, path.parent.resolve())
    except (TypeError, ValueError) as error:
        raise TemplateError(f"{path.name}: {error}") from error
    if template.cors and allowed_origins and not allowed_origins.isspace():
        parameter = _mapping(document.get("Parameters")).get("AllowedOrigins")
        pattern = str(_mapping(parameter).get("AllowedPattern", ".*"))
        try:
            origins = parse_origins(allowed_origins, pattern)
        except ValueError as error:
            raise TemplateError(f"ALLOWED_ORIGINS: {error}.") from None
        return replace(template, cors=replace(template.cors, allow_origins=origins))
    return template


def read_template(path: Path) -> dict[str, object]:
    """Return the document at `path`: loops written out, other functions as they are."""
    try:
        return expand(parse_template(path))
    except ValueError as error:
        raise TemplateError(f"{path.name}: {error}") from error


def parse_template(path: Path) -> dict[str, object]:
    """Return the document at `path`, with all intrinsic functions as they are."""
    try:
        # _Loader is a SafeLoader.
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path.name} can't be read: {error}") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise TemplateError(f"{path.name} isn't valid YAML: {problem}") from error
    if not isinstance(document, dict) or not document.get("Resources"):
        raise TemplateError(f"{path.name} has no Resources")
    return document


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: `!Ref X` is read as `{"Ref": "X"}`."""


def _short_tag(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, object]:
    key = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.MappingNode):
        return {key: loader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {key: loader.construct_sequence(node, deep=True)}
    return {key: node.value.split(".", 1) if tag == "GetAtt" else node.value}


_Loader.add_multi_constructor("!", _short_tag)

_UNKNOWN = object()

# As `sam local` has it: a stack that isn't deployed is called local.
_PSEUDO_PARAMETERS = {"AWS::StackName": "local"}


@dataclass(frozen=True)
class _Intrinsics:
    """Resolves what can be known without a deployment; the rest is `_UNKNOWN`."""

    parameters: Mapping[str, object]
    conditions: Mapping[str, object]

    def resolve(self, value: object) -> object:
        match value:
            case {"Ref": str(name)}:
                return self.parameters.get(name, _UNKNOWN)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text)
            case {"Condition": str(name), **rest} if not rest:
                return self.resolve(self.conditions.get(name, _UNKNOWN))
            case {"Fn::If": [str(name), then, otherwise]}:
                holds = self.resolve({"Condition": name})
                return self.resolve(then if holds is True else otherwise)
            case {"Fn::Equals": [left, right]}:
                return self.resolve(left) == self.resolve(right)
            case {"Fn::Not": [condition]}:
                return self.resolve(condition) is not True
            case {"Fn::And": [*conditions]}:
                return all(self.resolve(each) is True for each in conditions)
            case {"Fn::Or": [*conditions]}:
                return any(self.resolve(each) is True for each in conditions)
            case dict() if any(str(key).startswith("Fn::") for key in value):
                return _UNKNOWN
            case dict():
                pairs = ((key, self.resolve(item)) for key, item in value.items())
                return {key: item for key, item in pairs if item is not _UNKNOWN}
            case list():
                items = map(self.resolve, value)
                return [item for item in items if item is not _UNKNOWN]
        return value

    def _substitute(self, text: str) -> object:
        names = re.findall(r"\$\{([^!}]+)\}", text)
        if any(name not in self.parameters for name in names):
            return _UNKNOWN
        known = re.sub(
            r"\$\{([^!}]+)\}", lambda match: str(self.parameters[match[1]]), text
        )
        return known.replace("${!", "${")


def _resolved(document: dict[str, object]) -> dict[str, object]:
    parameters = _PSEUDO_PARAMETERS | {
        name: _default(parameter)
        for name, parameter in _mapping(document.get("Parameters")).items()
        if isinstance(parameter, dict) and "Default" in parameter
    }
    intrinsics = _Intrinsics(parameters, _mapping(document.get("Conditions")))
    return _mapping(intrinsics.resolve(document))


def _default(parameter: Mapping[str, object]) -> object:
    default = parameter["Default"]
    if parameter.get("Type") == "CommaDelimitedList":
        return [part.strip() for part in str(default).split(",")]
    return default


def _template(document: Mapping[str, object], root: Path) -> Template:
    everywhere = _mapping(document.get("Globals"))
    conditions = _mapping(document.get("Conditions"))
    cors = _mapping(everywhere.get("HttpApi")).get("CorsConfiguration")
    functions, layers = [], []
    for name, entry in _mapping(document["Resources"]).items():
        resource = _mapping(entry)
        properties = _mapping(resource.get("Properties"))
        if conditions.get(str(resource.get("Condition")), True) is not True:
            continue
        match resource.get("Type"):
            case "AWS::Serverless::Function":
                ignored = _strings(resource.get("IgnoreGlobals"))
                shared = {
                    key: value
                    for key, value in _mapping(everywhere.get("Function")).items()
                    if key not in ignored
                }
                functions.append(_function(name, shared, properties, root))
            case "AWS::Serverless::LayerVersion":
                layers.append(root / str(properties.get("ContentUri", "")))
            case "AWS::Serverless::HttpApi":
                cors = properties.get("CorsConfiguration", cors)
    return Template(
        functions=tuple(functions),
        layers=tuple(layers),
        cors=_cors(cors) if isinstance(cors, dict) else None,
    )


def _function(
    name: str,
    shared: Mapping[str, object],
    own: Mapping[str, object],
    root: Path,
) -> Function:
    merged = {**shared, **own}
    folder = root / str(merged.get("CodeUri", ""))
    if not folder.is_dir():
        raise ValueError(f"{name}: CodeUri is no folder: {merged.get('CodeUri')}")
    return Function(
        name=name,
        folder=folder,
        handler=str(merged.get("Handler", "")),
        # Lambda's defaults: 3 seconds and 128 MB.
        timeout=float(str(merged.get("Timeout", 3))),
        memory=int(str(merged.get("MemorySize", 128))),
        environment={**_variables(shared), **_variables(own)},
        routes=tuple(_routes(_mapping(own.get("Events")))),
    )


def _variables(properties: Mapping[str, object]) -> dict[str, str]:
    environment = _mapping(properties.get("Environment"))
    variables = _mapping(environment.get("Variables"))
    return {name: str(value) for name, value in variables.items()}


def _routes(events: Mapping[str, object]) -> list[Route]:
    properties = [
        _mapping(_mapping(event).get("Properties"))
        for event in events.values()
        if _mapping(event).get("Type") == "HttpApi"
    ]
    return [
        Route(str(event["Method"]).upper(), str(event["Path"]))
        for event in properties
        if "Path" in event and "Method" in event
    ]


def _cors(cors: Mapping[str, object]) -> Cors:
    max_age = cors.get("MaxAge")
    return Cors(
        allow_origins=_strings(cors.get("AllowOrigins")),
        allow_methods=_strings(cors.get("AllowMethods")),
        allow_headers=_strings(cors.get("AllowHeaders")),
        expose_headers=_strings(cors.get("ExposeHeaders")),
        max_age=None if max_age is None else int(str(max_age)),
        allow_credentials=cors.get("AllowCredentials") is True,
    )


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def main() -> int:
    try:
        template = read_template(Path(__file__).parents[1] / "template.yaml")
    except TemplateError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(template, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())

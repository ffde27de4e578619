"""Read functions, routes and CORS from template.yaml.

`python -m local.template` prints template.yaml as JSON with its loops expanded, for
programs that can't read loops.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from local.loops import as_mapping, expand
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
    """Whether to allow pages on any port of this machine, as `make run` does."""


@dataclass(frozen=True)
class Template:
    """`layers` are the folders that all functions can import from."""

    functions: tuple[Function, ...]
    layers: tuple[Path, ...]
    cors: Cors | None


def load_template(path: Path, allowed_origins: str | None = None) -> Template:
    """Read `path`; a comma-separated `allowed_origins` replaces the template's."""
    document = resolve_document(read_template(path))
    try:
        template = make_template(document, path.parent.resolve())
    except (TypeError, ValueError) as error:
        raise TemplateError(f"{path.name}: {error}") from error
    if template.cors and allowed_origins and not allowed_origins.isspace():
        parameter = as_mapping(document.get("Parameters")).get("AllowedOrigins")
        pattern = str(as_mapping(parameter).get("AllowedPattern", ".*"))
        try:
            origins = parse_origins(allowed_origins, pattern)
        except ValueError as error:
            raise TemplateError(f"ALLOWED_ORIGINS: {error}.") from None
        return replace(template, cors=replace(template.cors, allow_origins=origins))
    return template


def read_template(path: Path) -> dict[str, object]:
    """Return the document at `path` with its loops expanded."""
    try:
        return expand(parse_template(path))
    except ValueError as error:
        raise TemplateError(f"{path.name}: {error}") from error


def parse_template(path: Path) -> dict[str, object]:
    """Return the document at `path`, with its loops and functions unchanged."""
    try:
        # TemplateLoader is a safe loader.
        document = yaml.load(path.read_text(encoding="utf-8"), TemplateLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path.name} can't be read: {error}") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise TemplateError(f"{path.name} isn't valid YAML: {problem}") from error
    if not isinstance(document, dict) or not document.get("Resources"):
        raise TemplateError(f"{path.name} has no Resources")
    return document


class TemplateLoader(yaml.CSafeLoader):
    """YAML with CloudFormation's short tags: `!Ref X` is read as `{"Ref": "X"}`."""


def construct_short_tag(
    loader: TemplateLoader, tag: str, node: yaml.Node
) -> dict[str, object]:
    key = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.MappingNode):
        return {key: loader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {key: loader.construct_sequence(node, deep=True)}
    return {key: node.value.split(".", 1) if tag == "GetAtt" else node.value}


TemplateLoader.add_multi_constructor("!", construct_short_tag)

UNKNOWN = object()

# The same name as in `sam local`, for a stack that isn't deployed.
PSEUDO_PARAMETERS = {"AWS::StackName": "local"}


@dataclass(frozen=True)
class Intrinsics:
    """Evaluate what is known without a deployment; the rest is `UNKNOWN`."""

    parameters: Mapping[str, object]
    conditions: Mapping[str, object]

    def resolve(self, value: object) -> object:
        match value:
            case {"Ref": str(name)}:
                return self.parameters.get(name, UNKNOWN)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text)
            case {"Condition": str(name), **rest} if not rest:
                return self.resolve(self.conditions.get(name, UNKNOWN))
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
                return UNKNOWN
            case dict():
                pairs = ((key, self.resolve(item)) for key, item in value.items())
                return {key: item for key, item in pairs if item is not UNKNOWN}
            case list():
                items = map(self.resolve, value)
                return [item for item in items if item is not UNKNOWN]
        return value

    def _substitute(self, text: str) -> object:
        names = re.findall(r"\$\{([^!}]+)\}", text)
        if any(name not in self.parameters for name in names):
            return UNKNOWN
        known = re.sub(
            r"\$\{([^!}]+)\}", lambda match: str(self.parameters[match[1]]), text
        )
        return known.replace("${!", "${")


def resolve_document(document: dict[str, object]) -> dict[str, object]:
    parameters = PSEUDO_PARAMETERS | {
        name: default_value(parameter)
        for name, parameter in as_mapping(document.get("Parameters")).items()
        if isinstance(parameter, dict) and "Default" in parameter
    }
    intrinsics = Intrinsics(parameters, as_mapping(document.get("Conditions")))
    return as_mapping(intrinsics.resolve(document))


def default_value(parameter: Mapping[str, object]) -> object:
    default = parameter["Default"]
    if parameter.get("Type") == "CommaDelimitedList":
        return [part.strip() for part in str(default).split(",")]
    return default


def make_template(document: Mapping[str, object], root: Path) -> Template:
    everywhere = as_mapping(document.get("Globals"))
    conditions = as_mapping(document.get("Conditions"))
    cors = as_mapping(everywhere.get("HttpApi")).get("CorsConfiguration")
    functions, layers = [], []
    for name, entry in as_mapping(document["Resources"]).items():
        resource = as_mapping(entry)
        properties = as_mapping(resource.get("Properties"))
        if conditions.get(str(resource.get("Condition")), True) is not True:
            continue
        match resource.get("Type"):
            case "AWS::Serverless::Function":
                ignored = as_strings(resource.get("IgnoreGlobals"))
                shared = {
                    key: value
                    for key, value in as_mapping(everywhere.get("Function")).items()
                    if key not in ignored
                }
                functions.append(make_function(name, shared, properties, root))
            case "AWS::Serverless::LayerVersion":
                layers.append(root / str(properties.get("ContentUri", "")))
            case "AWS::Serverless::HttpApi":
                cors = properties.get("CorsConfiguration", cors)
    return Template(
        functions=tuple(functions),
        layers=tuple(layers),
        cors=make_cors(cors) if isinstance(cors, dict) else None,
    )


def make_function(
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
        environment={**read_variables(shared), **read_variables(own)},
        routes=tuple(read_routes(as_mapping(own.get("Events")))),
    )


def read_variables(properties: Mapping[str, object]) -> dict[str, str]:
    environment = as_mapping(properties.get("Environment"))
    variables = as_mapping(environment.get("Variables"))
    return {name: str(value) for name, value in variables.items()}


def read_routes(events: Mapping[str, object]) -> list[Route]:
    properties = [
        as_mapping(as_mapping(event).get("Properties"))
        for event in events.values()
        if as_mapping(event).get("Type") == "HttpApi"
    ]
    return [
        Route(str(event["Method"]).upper(), str(event["Path"]))
        for event in properties
        if "Path" in event and "Method" in event
    ]


def make_cors(cors: Mapping[str, object]) -> Cors:
    max_age = cors.get("MaxAge")
    return Cors(
        allow_origins=as_strings(cors.get("AllowOrigins")),
        allow_methods=as_strings(cors.get("AllowMethods")),
        allow_headers=as_strings(cors.get("AllowHeaders")),
        expose_headers=as_strings(cors.get("ExposeHeaders")),
        max_age=None if max_age is None else int(str(max_age)),
        allow_credentials=cors.get("AllowCredentials") is True,
    )


def as_strings(value: object) -> tuple[str, ...]:
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

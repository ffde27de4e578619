"""Expand CloudFormation's loops (`Fn::ForEach` of AWS::LanguageExtensions)."""

from collections.abc import Mapping

LOOP = "Fn::ForEach::"
TRANSFORM = "AWS::LanguageExtensions"


def expand(template: Mapping[str, object]) -> dict[str, object]:
    """Return a template with the loops among its resources expanded.

    ministack, moto, checkov and SAM's translator can't expand loops. A loop has a list
    of names, each of which replaces the loop's variable.
    """
    mappings = template.get("Mappings")
    resources: dict[str, object] = {}
    for name, resource in as_mapping(template.get("Resources")).items():
        match name.startswith(LOOP), resource:
            case True, [str(variable), [*values], dict(body)]:
                for value in values:
                    copy = replace_variable(body, variable, str(value))
                    resources |= as_mapping(evaluate(copy, as_mapping(mappings)))
            case True, _:
                raise ValueError(f"{name} isn't a loop over a list")
            case _:
                resources[name] = resource
    expanded = {**template, "Resources": resources}
    match template.get("Transform"):
        case [*transforms]:
            expanded["Transform"] = [each for each in transforms if each != TRANSFORM]
    return expanded


def replace_variable(value: object, variable: str, text: str) -> object:
    """Return the value with `${variable}` and `{"Ref": variable}` replaced."""
    match value:
        case str():
            return value.replace(f"${{{variable}}}", text)
        case {"Ref": str(name), **rest} if name == variable and not rest:
            return text
        case dict():
            return {
                str(replace_variable(key, variable, text)): replace_variable(
                    item, variable, text
                )
                for key, item in value.items()
            }
        case list():
            return [replace_variable(item, variable, text) for item in value]
    return value


def evaluate(value: object, mappings: Mapping[str, object]) -> object:
    """Return the value with the functions evaluated whose arguments are known."""
    match value:
        case list():
            return [evaluate(item, mappings) for item in value]
        case dict():
            values = {key: evaluate(item, mappings) for key, item in value.items()}
            match values:
                case {"Fn::Sub": str(text)} if "${" not in text:
                    return text
                case {"Fn::FindInMap": [str(table), str(first), str(second)]}:
                    row = as_mapping(as_mapping(mappings.get(table)).get(first))
                    if second not in row:
                        raise ValueError(f"Mappings have no {table}.{first}.{second}")
                    return row[second]
            return values
    return value


def as_mapping(value: object) -> dict[str, object]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}

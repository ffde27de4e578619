"""CloudFormation's loops: `Fn::ForEach`, of the transform AWS::LanguageExtensions."""

from collections.abc import Mapping

LOOP = "Fn::ForEach::"
TRANSFORM = "AWS::LanguageExtensions"


def expand(template: Mapping[str, object]) -> dict[str, object]:
    """Return a template with the loops among its resources written out.

    For what can't do it itself: ministack, moto, checkov, SAM's translator. A loop goes
    over a list of names, each of which replaces the loop's variable.
    """
    mappings = template.get("Mappings")
    resources: dict[str, object] = {}
    for name, resource in _mapping(template.get("Resources")).items():
        match name.startswith(LOOP), resource:
            case True, [str(variable), [*values], dict(body)]:
                for value in values:
                    filled = _fill(body, variable, str(value))
                    resources |= _mapping(_settle(filled, _mapping(mappings)))
            case True, _:
                raise ValueError(f"{name} is no loop over a list")
            case _:
                resources[name] = resource
    expanded = {**template, "Resources": resources}
    match template.get("Transform"):
        case [*transforms]:
            expanded["Transform"] = [each for each in transforms if each != TRANSFORM]
    return expanded


def _fill(value: object, variable: str, text: str) -> object:
    """Replace `${variable}` in keys and texts, and `{"Ref": variable}`."""
    match value:
        case str():
            return value.replace(f"${{{variable}}}", text)
        case {"Ref": str(name), **rest} if name == variable and not rest:
            return text
        case dict():
            return {
                str(_fill(key, variable, text)): _fill(item, variable, text)
                for key, item in value.items()
            }
        case list():
            return [_fill(item, variable, text) for item in value]
    return value


def _settle(value: object, mappings: Mapping[str, object]) -> object:
    """Work out functions whose arguments are all there, from the inside out."""
    match value:
        case list():
            return [_settle(item, mappings) for item in value]
        case dict():
            settled = {key: _settle(item, mappings) for key, item in value.items()}
            match settled:
                case {"Fn::Sub": str(text)} if "${" not in text:
                    return text
                case {"Fn::FindInMap": [str(table), str(first), str(second)]}:
                    row = _mapping(_mapping(mappings.get(table)).get(first))
                    if second not in row:
                        raise ValueError(f"Mappings have no {table}.{first}.{second}")
                    return row[second]
            return settled
    return value


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}

"""Choose the function for a request as API Gateway does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.template import Function, Route


@dataclass(frozen=True)
class Match:
    function: Function
    route: Route
    path_parameters: dict[str, str]


class Router:
    """Prefer static segments to `{parameters}`, and these to `{greedy+}` ones."""

    def __init__(self, functions: Iterable[Function]) -> None:
        routes = [(route, each) for each in functions for route in each.routes]
        routes.sort(key=lambda pair: rank(pair[0]))
        self._routes = [
            (compile_path(route.path), route, function) for route, function in routes
        ]

    def match(self, method: str, path: str) -> Match | None:
        for pattern, route, function in self._routes:
            path_match = pattern.fullmatch(path)
            if path_match and route.method in (method, "ANY"):
                names = re.findall(r"\{([^}+]+)\+?\}", route.path)
                values = dict(zip(names, path_match.groups(), strict=True))
                return Match(function, route, values)
        return None


def compile_path(path: str) -> re.Pattern[str]:
    text = re.escape(path)
    text = re.sub(r"\\\{[^}/]+\\\+\\\}", "(.+)", text)
    text = re.sub(r"\\\{[^}/]+\\\}", "([^/]+)", text)
    return re.compile(text, re.DOTALL)


def rank(route: Route) -> tuple[list[int], bool]:
    kinds = [
        2 if segment.endswith("+}") else 1 if segment.startswith("{") else 0
        for segment in route.path.split("/")
    ]
    return kinds, route.method == "ANY"

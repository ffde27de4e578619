"""Choose the function for a request as API Gateway does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

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

    def nearest(self, method: str, path: str) -> str:
        """Return the route that is most like a request that has none."""
        filled = {
            f"{route.method} {fill(route.path, path)}": route.key
            for _, route, _ in self._routes
        }
        return filled[get_close_matches(f"{method} {path}", filled, 1, cutoff=0)[0]]


def fill(route: str, path: str) -> str:
    """Return a route's path with what a request has in the place of parameters."""
    given = path.split("/")
    return "/".join(
        given[index] if segment.startswith("{") and index < len(given) else segment
        for index, segment in enumerate(route.split("/"))
    )


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

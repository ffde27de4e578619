"""`make openapi`: write the README's table of routes from the document."""

from openapi.document import ROOT, document
from openapi.schemas import Json

START = "<!-- routes: `make openapi` writes them -->\n"
END = "<!-- end of routes -->\n"

METHODS = ("get", "head", "post", "put", "patch", "delete")


def routes_table(document: Json) -> str:
    """Return a row for each function: its routes, and what they do."""
    rows: dict[str, list[str]] = {}
    for path, operations in sorted(document["paths"].items()):
        for method in filter(operations.__contains__, METHODS):
            routes = rows.setdefault(operations[method]["summary"], [])
            routes.append(f"`{method.upper()} {path}`")
    lines = [f"| {', '.join(routes)} | {summary} |" for summary, routes in rows.items()]
    return "\n".join(["| route | does |", "| --- | --- |", *lines, ""])


def with_routes(page: str, document: Json) -> str:
    """Return the page with this document's routes between its markers."""
    before, _, rest = page.partition(START)
    return before + START + routes_table(document) + END + rest.partition(END)[2]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    page = with_routes(readme.read_text(encoding="utf-8"), document())
    readme.write_text(page, encoding="utf-8")

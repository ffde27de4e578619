"""`make openapi`: write the README's table of routes from the document."""

from openapi.document import ROOT, document
from openapi.schemas import Json

START = "<!-- routes: `make openapi` writes them -->\n"
END = "<!-- end of routes -->\n"


def routes_table(document: Json) -> str:
    """Return a row for each function, in the document's order: its routes, and what
    they do.
    """
    rows: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            routes = rows.setdefault(operation["summary"], [])
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

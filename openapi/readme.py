"""`make openapi`: write the README's table of routes from the document."""

from openapi.document import ROOT, document
from openapi.schemas import Json

START = "<!-- routes: `make openapi` writes them -->\n"
END = "<!-- end of routes -->\n"


def routes_table(document: Json) -> str:
    """Return a row for each path, in the document's order, and what its methods do."""
    rows = []
    for path, operations in document["paths"].items():
        methods: dict[str, list[str]] = {}
        for method, operation in operations.items():
            methods.setdefault(operation["summary"], []).append(f"`{method.upper()}`")
        does = [f"{', '.join(names)} {text}" for text, names in methods.items()]
        rows.append(f"| `{path}` | {'; '.join(does)} |")
    return "\n".join(["| path | does |", "| --- | --- |", *rows, ""])


def with_routes(page: str, document: Json) -> str:
    """Return the page with this document's routes between its markers."""
    before, _, rest = page.partition(START)
    return before + START + routes_table(document) + END + rest.partition(END)[2]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    page = with_routes(readme.read_text(encoding="utf-8"), document())
    readme.write_text(page, encoding="utf-8")

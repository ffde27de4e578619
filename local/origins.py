"""Parse ALLOWED_ORIGINS, and say what is wrong with an entry.

An entry is compared with the Origin header as a string, so it must be written as
browsers send it: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
"""

import re

WILDCARDS = ("*", "http://*", "https://*")
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"""

PROBLEMS = (
    (r"", "is empty"),
    (r"null", "is null, which every sandboxed page sends; serve the page over http"),
    (
        r"[\[{(].*|.*[\"'`\u2018-\u201f].*",
        "has quotes or brackets; write the origins bare, with commas between them",
    ),
    (r".*[\s;|].*", "has white space or a semicolon; put commas between origins"),
    (
        r"(?![A-Za-z][A-Za-z0-9+.-]*://).*",
        "has no scheme; it must begin with https:// or http://",
    ),
    (r"[^:]*://[^/?#]*@.*", "has a user name or password; an origin has none"),
    (r"[^:]*://([/?#:].*)?", "has no host"),
    (
        r"[^:]*://.*[/?#\\].*",
        "has a path; it must end after the host and port, without a slash",
    ),
    (r".*\*.*", "has a wildcard inside; only *, http://* and https://* are known"),
    (r".*[^!-~].*", "has letters that browsers send in Punycode (xn--…)"),
    (r"[^:]*[A-Z].*|https?://.*[A-Z].*", "has capitals; browsers send lower case"),
    (
        r"http://.*:80|https://.*:443",
        "names its scheme's default port, which browsers leave out",
    ),
    (r"[^:]*://[^\[].*:(?!\d+$).*", "has a port that isn't a number"),
    (r"https?://.*\.(:\d+)?", "has a host that ends in a dot"),
)
"""Regular expressions for wrong entries (the whole entry), each with the message."""

PAGE_OF_THIS_MACHINE = re.compile(r"http://(localhost|127\.0\.0\.1)(:[1-9]\d{0,4})?")


def parse_origins(text: str, pattern: str) -> tuple[str, ...]:
    """Return the origins of a comma-separated list.

    Raise `ValueError` for the first entry that can't be an origin or doesn't match
    `pattern`, the AllowedPattern of the stack's parameter. The message doesn't show the
    entry, which may have a password in it.
    """
    entries = [entry.strip() for entry in text.split(",")]
    for number, entry in enumerate(entries, start=1):
        if problem := origin_problem(entry, pattern):
            raise ValueError(f"origin {number} of {len(entries)} {problem}")
    return tuple(dict.fromkeys(entries))


def origin_problem(entry: str, pattern: str) -> str | None:
    """Return why no browser sends this origin, or None if one may."""
    if entry in WILDCARDS:
        return None
    for wrong, problem in PROBLEMS:
        if re.fullmatch(wrong, entry, re.DOTALL):
            return problem
    if not re.fullmatch(pattern, entry):
        return "isn't an origin, such as https://www.example.com"
    return None

"""What ALLOWED_ORIGINS may list, and what is wrong with an origin that no page has.

An entry is compared with the Origin header as a string, so it must be spelled as
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
"""What an entry may be (the whole of it, by a regular expression), and what to say."""

PAGE_OF_THIS_MACHINE = re.compile(r"http://(localhost|127\.0\.0\.1)(:[1-9]\d{0,4})?")


def parse_origins(text: str, pattern: str) -> tuple[str, ...]:
    """Return the origins of a comma-separated list.

    Raises `ValueError` for the first entry that can't be one, or that doesn't match
    `pattern`, the one that the stack's parameter has. It doesn't show the entry, in
    which there may be a password.
    """
    entries = [entry.strip() for entry in text.split(",")]
    for number, entry in enumerate(entries, start=1):
        if problem := origin_problem(entry, pattern):
            raise ValueError(f"origin {number} of {len(entries)} {problem}")
    return tuple(dict.fromkeys(entries))


def origin_problem(entry: str, pattern: str) -> str | None:
    """Say why no browser sends this origin; None where one may."""
    if entry in WILDCARDS:
        return None
    for wrong, problem in PROBLEMS:
        if re.fullmatch(wrong, entry, re.DOTALL):
            return problem
    if not re.fullmatch(pattern, entry):
        return "isn't an origin, such as https://www.example.com"
    return None

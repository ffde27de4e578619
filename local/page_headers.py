"""The headers that protect a page which holds a development token."""

import base64
import hashlib
import re

INLINE = re.compile(r"<(script|style)(?: [^>]*)?>(.*?)</\1>", re.DOTALL)

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Other sites can't load the page's files or get a reference to its window.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # For browsers that don't support frame-ancestors.
    "X-Frame-Options": "DENY",
}


def page_headers(page: str, *connect: str) -> dict[str, str]:
    """Return the headers of an HTML page that may send requests to `connect`.

    They list the hashes of the page's inline scripts and styles, so these work and an
    injected script doesn't. https://www.w3.org/TR/CSP3/
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in INLINE.findall(page):
        if not content:  # a script with a src
            continue
        digest = hashlib.sha256(content.encode()).digest()
        hashes[kind].append(f"'sha256-{base64.b64encode(digest).decode()}'")
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *hashes["script"]],
        "style-src": ["'self'", *hashes["style"]],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *connect],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    directives = [" ".join([name, *values]) for name, values in policy.items()]
    return {**HEADERS, "Content-Security-Policy": "; ".join(directives)}

"""Attacks that change the segments of a genuine token."""

import json
from collections.abc import Callable

from local.direct import SECRET
from tests.support.tokens import (
    ALGORITHMS,
    Key,
    base64url,
    key,
    secret,
)


def signers() -> dict[str, Key]:
    return {"HS256": secret} | {name: key(name) for name in ALGORITHMS}


def segments(change: Callable[[list[str]], str], algorithm: str) -> str:
    return change(signers()[algorithm].token().split("."))


def changed(index: int, change: Callable[[str], str]) -> Callable[[list[str]], str]:
    """Return a function that changes one segment."""

    def apply(parts: list[str]) -> str:
        return ".".join([*parts[:index], change(parts[index]), *parts[index + 1 :]])

    return apply


def spare_bit(segment: str) -> str:
    """Return another spelling of the same bytes, if the last character has spare bits.

    Otherwise, the result is other bytes.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) ^ 1]


CHANGES: dict[str, Callable[[str], str]] = {
    "left empty": lambda _: "",
    "short of its last character": lambda s: s[:-1],
    "short of its first character": lambda s: s[1:],
    "cut in half": lambda s: s[: len(s) // 2],
    "padded once": lambda s: s + "=",
    "padded fully": lambda s: s + "=" * (-len(s) % 4 or 4),
    "with a spare bit": spare_bit,
    "with a line break": lambda s: s[:5] + "\n" + s[5:],
    "not base64": lambda s: "!" + s[1:],
    "with a plus": lambda s: s + "+",
    "with a slash": lambda s: "/" + s,
    "not ASCII": lambda s: "é" + s[1:],
    "twice": lambda s: s + s,
    "encoded twice": lambda s: base64url(s.encode()),
    "of one character": lambda _: "e",
}
SHAPES: dict[str, Callable[[list[str]], str]] = {
    "header alone": lambda p: p[0],
    "no signature": lambda p: f"{p[0]}.{p[1]}",
    "no header": lambda p: f".{p[1]}.{p[2]}",
    "four segments": lambda p: ".".join([*p, p[2]]),
    "five segments, as a JWE has": lambda p: ".".join([*p, p[1], p[2]]),
    "a dot behind": lambda p: ".".join(p) + ".",
    "a dot in front": lambda p: "." + ".".join(p),
    "dots alone": lambda _: "..",
    "header and payload swapped": lambda p: ".".join([p[1], p[0], p[2]]),
    "payload and signature swapped": lambda p: ".".join([p[0], p[2], p[1]]),
    "signature first": lambda p: ".".join([p[2], p[0], p[1]]),
    "lower case": lambda p: ".".join(p).lower(),
    "upper case": lambda p: ".".join(p).upper(),
    "in quotes": lambda p: '"' + ".".join(p) + '"',
    "dots percent-encoded": lambda p: "%2E".join(p),
    "encoded once more": lambda p: base64url(".".join(p).encode()),
    "flattened JSON": lambda p: json.dumps(
        {"protected": p[0], "payload": p[1], "signature": p[2]}, separators=(",", ":")
    ),
    "general JSON": lambda p: json.dumps(
        {"payload": p[1], "signatures": [{"protected": p[0], "signature": p[2]}]}
    ),
    "a NUL behind": lambda p: ".".join(p) + "\x00",
    "a fullwidth dot": lambda p: "．".join(p),  # noqa: RUF001
    "the secret itself": lambda _: SECRET.replace(" ", "-").replace(",", "-"),
    "a random session token": lambda _: "mEhRlRZ2G1rF3rGJQ6eBvC0lq1xkqT6A",
    "a signed session cookie": lambda p: f"mEhRlRZ2G1rF3rGJQ6eBvC0lq1xk.{p[2]}",
    "the word null": lambda _: "null",
    "the word undefined": lambda _: "undefined",
    "an object of JavaScript": lambda _: "[object-Object]",
}

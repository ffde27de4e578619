"""Attacks with the claims of a correctly signed token."""

import json
import time
from collections.abc import Callable

from tests.support.tokens import (
    ORIGIN,
    Key,
    claims,
    compact,
    secret,
)

CLAIMS: dict[str, Callable[[float], dict[str, object]]] = {
    "exp: missing": lambda now: {"exp": ...},
    "exp: null": lambda now: {"exp": None},
    "exp: past": lambda now: {"exp": now - 60},
    "exp: past the leeway": lambda now: {"exp": now - 11},
    "exp: past, a fraction": lambda now: {"exp": now - 10.5},
    "exp: years ago": lambda now: {"exp": 1_000_000_000},
    "exp: zero": lambda now: {"exp": 0},
    "exp: negative": lambda now: {"exp": -1},
    "exp: text": lambda now: {"exp": str(int(now + 900))},
    "exp: text of a date": lambda now: {"exp": "2099-01-01T00:00:00Z"},
    "exp: true": lambda now: {"exp": True},
    "exp: false": lambda now: {"exp": False},
    "exp: a list": lambda now: {"exp": [now + 900]},
    "exp: an object": lambda now: {"exp": {"at": now + 900}},
    "exp: 1e30": lambda now: {"exp": 1e30},
    "exp: milliseconds": lambda now: {"exp": int((now + 900) * 1000)},
    "exp: 2^63": lambda now: {"exp": 2**63},
    "exp: NaN": lambda now: {"exp": float("nan")},
    "exp: Infinity": lambda now: {"exp": float("inf")},
    "nbf: tomorrow": lambda now: {"nbf": now + 86_400},
    "nbf: past the leeway": lambda now: {"nbf": now + 15},
    "nbf: text": lambda now: {"nbf": str(int(now))},
    "nbf: true": lambda now: {"nbf": True},
    "nbf: null": lambda now: {"nbf": None},
    "nbf: 1e30": lambda now: {"nbf": 1e30},
    "nbf: NaN": lambda now: {"nbf": float("nan")},
    "nbf: minus Infinity": lambda now: {"nbf": float("-inf")},
    "nbf: negative": lambda now: {"nbf": -1},
    "iat: tomorrow": lambda now: {"iat": now + 86_400},
    "iat: text": lambda now: {"iat": "yesterday"},
    "iat: true": lambda now: {"iat": True},
    "iat: null": lambda now: {"iat": None},
    "iat: a list": lambda now: {"iat": []},
    "iat: NaN": lambda now: {"iat": float("nan")},
    "sub: missing": lambda now: {"sub": ...},
    "sub: null": lambda now: {"sub": None},
    "sub: empty": lambda now: {"sub": ""},
    "sub: a number": lambda now: {"sub": 1},
    "sub: true": lambda now: {"sub": True},
    "sub: a list": lambda now: {"sub": ["alice"]},
    "sub: an object": lambda now: {"sub": {"$ne": ""}},
    "sub: a NUL": lambda now: {"sub": "alice\x00"},
    "sub: a NUL alone": lambda now: {"sub": "\x00"},
    "sub: a line break behind": lambda now: {"sub": "alice\n"},
    "sub: a tab": lambda now: {"sub": "a\tlice"},
    "sub: DEL": lambda now: {"sub": "alice\x7f"},
    "sub: a C1 control": lambda now: {"sub": "alice\x85"},
    "sub: a lone surrogate": lambda now: {"sub": "alice\ud800"},
    "sub: surrogates reversed": lambda now: {"sub": "alice\udc00\ud800"},
    "sub: 256 characters": lambda now: {"sub": "a" * 256},
    "sub: 256 of two code units": lambda now: {"sub": "🎉" * 256},
    "sub: 5000 characters": lambda now: {"sub": "a" * 5000},
}
"""Correctly signed, with HS256 and with a key of the JWKS."""

BOUND_CLAIMS: dict[str, dict[str, object]] = {
    "iss: missing": {"iss": ...},
    "iss: null": {"iss": None},
    "iss: empty": {"iss": ""},
    "iss: another": {"iss": "https://attacker.example"},
    "iss: a slash behind": {"iss": f"{ORIGIN}/"},
    "iss: https for http": {"iss": "https://localhost:3000"},
    "iss: other case": {"iss": ORIGIN.upper()},
    "iss: another port": {"iss": "http://localhost:3001"},
    "iss: its beginning": {"iss": ORIGIN[:-1]},
    "iss: longer": {"iss": f"{ORIGIN}.attacker.example"},
    "iss: a user in it": {"iss": "http://localhost:3000@attacker.example"},
    "iss: a list": {"iss": [ORIGIN]},
    "iss: an object": {"iss": {ORIGIN: True}},
    "iss: true": {"iss": True},
    "aud: missing": {"aud": ...},
    "aud: null": {"aud": None},
    "aud: empty": {"aud": ""},
    "aud: another": {"aud": "https://other.example"},
    "aud: a slash behind": {"aud": f"{ORIGIN}/"},
    "aud: its beginning": {"aud": ORIGIN[:-1]},
    "aud: longer": {"aud": f"{ORIGIN}/api"},
    "aud: an empty list": {"aud": []},
    "aud: a list of others": {"aud": ["https://other.example", f"{ORIGIN}/"]},
    "aud: a list in a list": {"aud": [[ORIGIN]]},
    "aud: a list with a number": {"aud": [ORIGIN, 1]},
    "aud: a list with null": {"aud": [ORIGIN, None]},
    "aud: an object": {"aud": {ORIGIN: True}},
    "aud: true": {"aud": True},
    "aud: the session cookie's": {"aud": "better-auth:session-cache"},
}
"""With an issuer and an audience configured."""

RAW_PAYLOADS: dict[str, Callable[[str], bytes]] = {
    "sub twice": lambda p: f'{{"sub":"bob",{p[1:]}'.encode(),
    "sub twice, the same": lambda p: f'{p[:-1]},"sub":"alice"}}'.encode(),
    "sub twice, once escaped": lambda p: f'{{"\\u0073ub":"bob",{p[1:]}'.encode(),
    "exp twice": lambda p: f'{{"exp":1,{p[1:]}'.encode(),
    "a name twice, deep inside": lambda p: f'{p[:-1]},"x":{{"a":1,"a":1}}}}'.encode(),
    "UTF-16": lambda p: p.encode("utf-16"),
    "byte order mark": lambda p: b"\xef\xbb\xbf" + p.encode(),
    "not UTF-8": lambda p: f'{p[:-1]},"x":"é"}}'.encode("latin-1"),
    "a surrogate in UTF-8": lambda p: p.replace("alice", "\ud800").encode(
        errors="surrogatepass"
    ),
    "overlong UTF-8": lambda p: p.encode().replace(b"alice", b"alice\xc0\x80"),
    "a raw control character": lambda p: p.replace("alice", "a\x01").encode(),
    "something behind": lambda p: f"{p}x".encode(),
    "two objects": lambda p: (p + p).encode(),
    "a list": lambda p: f"[{p}]".encode(),
    "text": lambda p: json.dumps(p).encode(),
    "a number": lambda _: b"1",
    "true": lambda _: b"true",
    "null": lambda _: b"null",
    "an empty object": lambda _: b"{}",
    "a token in it": lambda _: secret.token().encode(),
    "deep nesting": lambda p: f'{p[:-1]},"x":{"[" * 3000}'.encode(),
    "a time of 4000 digits": lambda p: f'{p[:-1]},"nbf":{"1" * 4000}}}'.encode(),
    "not JSON": lambda _: b"sub=alice",
}


def oversized() -> str:
    """Return a genuine token of one byte over 8 KiB, or of the next possible length."""
    for extra in range(5000, 9000):
        token = secret.token(claims(x="x" * extra))
        if len(token) > 8192:
            return token
    raise AssertionError("it grows")


def raw_payload(signer: Key, change: Callable[[str], bytes]) -> str:
    payload = json.dumps(claims(), ensure_ascii=False)
    return compact(signer.header, change(payload), signer.sign)


def with_claims(signer: Key, change: Callable[[float], dict[str, object]]) -> str:
    return signer.token(claims(**change(time.time())))

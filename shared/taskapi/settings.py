"""What the environment and the secret configure: read in this one place, on use."""

import os
import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from taskapi import log, secret
from taskapi.errors import SettingsError

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 has at least the hash's 256 bits."""

MAKE_ONE = "make one with: openssl rand -base64 32"

PLACEHOLDERS = (
    # Better Auth's own default, and what its documentation and the like have.
    "betterauthsecret",
    "npxauthsecret",
    "opensslrand",
    # https://www.jwt.io
    "astringsecretatleast256bitslong",
    *("your256bit", "your384bit", "your512bit"),
    # Instructions instead of values.
    *("changeme", "changethis", "changeit", "changein"),
    *("replaceme", "replacethis", "replacewith"),
    *("yoursecret", "secrethere", "secretgoeshere", "keyhere", "keygoeshere"),
    *(
        f"{verb}{article}{noun}"
        for verb in ("insert", "put", "enter", "paste")
        for article in ("", "a", "the")
        for noun in ("secret", "random", "key")
    ),
    *("thesameas", "placeholder", "generatedby"),
    *("supersecret", "verysecret", "verylongsecret"),
    *("longrandomstring", "randomstring"),
    *("onlyfordevelopment", "donotuse", "notforproduction"),
    *("notsecure", "nonsecure", "insecure"),
    *("keyboardcat", "correcthorsebattery", "qwertyuiop"),
    *("12345678901234567890", "abcdefghijklmnopqrst"),
    "0123456789abcdef" * 2,
)
"""What a secret from an example has in it, without what isn't a letter or a digit.

Plain text, as compiling a regular expression for it would take 1% of a cold start.
"""

ADJECTIVES = (
    *("own", "very", "super", "long", "strong", "random", "better", "auth", "jwt"),
    "app",
)
"""What examples have between "your" and "secret" or "key"."""

ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
BRACKETS = (("<", ">"), ("{", "}"), ("${", "}"), ("$(", ")"), ("[", "]"), ("%", "%"))

QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\ufeff\u200b"
"""And the marks without width that copying may add: U+FEFF and U+200B."""


class Expected(NamedTuple):
    """What `iss` and `aud` must be; None isn't checked."""

    issuer: str | None
    audience: str | None


class BetterAuth(NamedTuple):
    """Which tokens are accepted: signed by secret, by a key of the JWKS, or both."""

    secret: bytes | None
    jwks_url: str | None
    by_secret: Expected
    by_jwks: Expected

    def __repr__(self) -> str:
        return f"BetterAuth(jwks_url={self.jwks_url!r})"


def database_url() -> str:
    """Return Postgres's URL; raise SettingsError where there is none."""
    [url] = read("DATABASE_URL")
    if not url:
        raise SettingsError("DATABASE_URL is not set")
    return url


def better_auth() -> BetterAuth:
    """Return how tokens are checked; raise SettingsError where that isn't clear."""
    return understood(
        *read(
            "BETTER_AUTH_SECRET",
            "BETTER_AUTH_URL",
            "BETTER_AUTH_JWKS_URL",
            "BETTER_AUTH_ISSUER",
            "BETTER_AUTH_AUDIENCE",
        )
    )


@lru_cache(maxsize=1)
def understood(
    secret: str | None,
    url: str | None,
    jwks_url: str | None,
    issuer: str | None,
    audience: str | None,
) -> BetterAuth:
    """Return what the settings of these names mean together.

    The origin of BETTER_AUTH_URL is what its tokens' `iss` and `aud` are by default.
    A token signed by the secret is held to what is set expressly, and no more.
    """
    if secret and (remark := secret_remark(secret)):
        log.logger.warning(remark)
    base = web_url("BETTER_AUTH_URL", url)
    keys = web_url("BETTER_AUTH_JWKS_URL", jwks_url)
    if secret is None and base is None and keys is None:
        raise SettingsError(
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: "
            "one of them is needed to check tokens"
        )
    own = origin(base) if base else None
    return BetterAuth(
        secret_key(secret),
        keys.geturl() if keys else default_jwks_url(base),
        by_secret=Expected(issuer, audience),
        by_jwks=Expected(issuer or own, audience or own),
    )


def secret_key(secret: str | None) -> bytes | None:
    """Return the key for HS256: the secret's bytes, as Better Auth takes them."""
    if secret is None:
        return None
    key = secret.encode(errors="surrogateescape")
    if len(key) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"BETTER_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes; {MAKE_ONE}"
        )
    if is_placeholder(secret):
        raise SettingsError(
            "BETTER_AUTH_SECRET is an example's, with which anyone can sign tokens; "
            f"{MAKE_ONE}"
        )
    if is_repetition(secret):
        raise SettingsError(
            f"BETTER_AUTH_SECRET repeats the same characters; {MAKE_ONE}"
        )
    return key


def is_placeholder(secret: str) -> bool:
    """Return whether a secret is what documentation has instead of one."""
    text = secret.strip()
    if any(text.startswith(a) and text.endswith(z) for a, z in BRACKETS):
        return True
    letters = "".join(filter(ALPHANUMERIC.__contains__, secret.lower()))
    bare = letters
    for word in ADJECTIVES:
        bare = bare.replace(word, "")
    return (
        any(placeholder in letters for placeholder in PLACEHOLDERS)
        or "yoursecret" in bare
        or "yourkey" in bare
    )


def is_repetition(secret: str) -> bool:
    """Return whether a secret repeats up to 16 characters, but for the last 8."""
    longest = min(16, len(secret) - 12)
    return len(set(secret)) < 5 or any(
        secret[n:-8] == secret[: -8 - n] for n in range(1, longest + 1)
    )


def secret_remark(secret: str) -> str | None:
    """Return what to say of a secret that is probably not what was meant."""
    is_bare = secret == secret.strip() == secret.strip(QUOTES)
    if is_bare and not secret.endswith(("\\n", "\\r", "\\t")):
        return None
    return (
        "BETTER_AUTH_SECRET has white space or quotes around it, which count as part "
        "of it: Better Auth must have the same, or every token is refused"
    )


def default_jwks_url(base: SplitResult | None) -> str | None:
    """Return where the keys are; a base may end in /api/auth, as Better Auth's may."""
    if base is None:
        return None
    path = base.path.rstrip("/").removesuffix("/api/auth")
    return f"{origin(base)}{path}/api/auth/jwks"


def web_url(name: str, value: str | None) -> SplitResult | None:
    """Return the URL in a setting; raise SettingsError where it can't be trusted.

    Keys that came over plain http could be anyone's, except from this machine.
    """
    if value is None:
        return None
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        host = None
    # Only visible ASCII: the rest is read in one way here, in another by Better Auth.
    if not host or not re.fullmatch(r"[!-~]+", value) or re.search(r"[@\\#]", value):
        raise SettingsError(f"{name} is not a URL such as https://auth.example.com")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise SettingsError(
            f"{name} must begin with https:// (http:// is for localhost alone)"
        )
    return url


def is_loopback(host: str) -> bool:
    """Return whether host is this machine, whatever the network says."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: SplitResult) -> str:
    """Return what JavaScript's `new URL(url).origin` is (RFC 6454, section 6.2)."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    usual = {"https": 443, "http": 80}[url.scheme]
    port = "" if url.port in (None, usual) else f":{url.port}"
    return f"{url.scheme}://{host}{port}"


def jwks_cool_down(usual: float) -> float:
    """Return the seconds between two fetches of the keys; `make run` shortens them."""
    return float(os.environ.get("JWKS_COOL_DOWN") or usual)


def read(*names: str) -> list[str | None]:
    """Return settings' values, None for one that is missing or empty.

    A variable wins over the secret, which is read only where a variable is missing.
    """
    values = [os.environ.get(name) for name in names]
    if all(values):
        return values
    held = secret.held.values()
    return [
        value or held.get(name) or None
        for name, value in zip(names, values, strict=True)
    ]

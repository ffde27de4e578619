"""What the environment configures: read in this one place, once, on first use."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 has at least the hash's 256 bits."""


class SettingsError(Exception):
    """A setting is missing or bad; the message names it, never its value."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What `iss` and `aud` must be; None isn't checked."""

    issuer: str | None
    audience: str | None


@dataclass(frozen=True, slots=True)
class BetterAuth:
    """Which tokens are accepted: signed by secret, by a key of the JWKS, or both."""

    secret: bytes | None = field(repr=False)
    jwks_url: str | None
    by_secret: Expected
    by_jwks: Expected


@cache
def database_url() -> str:
    """Return Postgres's URL; raise SettingsError where there is none."""
    url = setting("DATABASE_URL")
    if not url:
        raise SettingsError("DATABASE_URL is not set")
    return url


@cache
def better_auth() -> BetterAuth:
    """Return how tokens are checked; raise SettingsError where that isn't clear.

    The origin of BETTER_AUTH_URL is what its tokens' `iss` and `aud` are by default.
    A token signed by the secret is held to what is set expressly, and no more.
    """
    secret, base = better_auth_secret(), web_url("BETTER_AUTH_URL")
    jwks_url = better_auth_jwks_url(base)
    if secret is None and jwks_url is None:
        raise SettingsError(
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: "
            "one of them is needed to check tokens"
        )
    issuer, audience = setting("BETTER_AUTH_ISSUER"), setting("BETTER_AUTH_AUDIENCE")
    own = origin(base) if base else None
    return BetterAuth(
        secret,
        jwks_url,
        by_secret=Expected(issuer, audience),
        by_jwks=Expected(issuer or own, audience or own),
    )


def better_auth_secret() -> bytes | None:
    """Return the key for HS256: the secret's bytes, as Better Auth takes them."""
    secret = setting("BETTER_AUTH_SECRET")
    if secret is None:
        return None
    key = secret.encode(errors="surrogateescape")
    if len(key) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"BETTER_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes; "
            "make one with: openssl rand -base64 32"
        )
    return key


def better_auth_jwks_url(base: SplitResult | None) -> str | None:
    """Return where the keys are; a base may end in /api/auth, as Better Auth's may."""
    if given := web_url("BETTER_AUTH_JWKS_URL"):
        return given.geturl()
    if base is None:
        return None
    path = base.path.rstrip("/").removesuffix("/api/auth")
    return f"{origin(base)}{path}/api/auth/jwks"


def web_url(name: str) -> SplitResult | None:
    """Return the URL in a setting; raise SettingsError where it can't be trusted.

    Keys that came over plain http could be anyone's, except from this machine.
    """
    value = setting(name)
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


def setting(name: str) -> str | None:
    """Return a setting's value, None where it is missing or empty.

    A variable wins over the secret, which is read only where a variable is missing.
    """
    return os.environ.get(name) or secret().get(name) or None


@cache
def secret() -> Mapping[str, str]:
    """Return what the secret at SECRET_ARN holds; raise SettingsError.

    Importing boto3 takes longer than importing all the rest, so only this does.
    """
    arn = os.environ.get("SECRET_ARN")
    if not arn:
        return {}
    from aws_lambda_powertools.utilities.parameters import get_secret
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        held = json.loads(get_secret(arn))
    except GetParameterError as error:
        # The message names the ARN and what AWS said, and no value.
        raise SettingsError(f"SECRET_ARN can't be read: {error}") from error
    except ValueError:
        # Its cause would quote the secret.
        held = None
    if not isinstance(held, dict) or not all(isinstance(v, str) for v in held.values()):
        raise SettingsError(
            "SECRET_ARN must name a secret that is a JSON object of strings"
        )
    return held

"""DATABASE_URL as libpq is to see it: checked, with what production means filled in."""

import os
import re
from functools import cache
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskapi import log
from taskapi.errors import SettingsError
from taskapi.settings import is_loopback

CA_BUNDLES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Lambda's runtimes, Fedora
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/ssl/cert.pem",  # macOS
)
VERIFIED = ("verify-ca", "verify-full")
ENCRYPTED = ("require", *VERIFIED)


@cache
def conninfo(url: str) -> str:
    """Return libpq's connection string; what url says stays as it is.

    Raises SettingsError, and warns, in words that quote nothing of url.
    """
    try:
        params = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        local = is_local(params)
    except (psycopg.Error, UnicodeError):
        # Neither the message nor its cause may be shown: libpq's quotes the URL.
        raise SettingsError(
            "DATABASE_URL is not a Postgres URL "
            "(postgresql://user:password@host/database, with any special character "
            "of the password percent-encoded)"
        ) from None
    if local:
        return make_conninfo(**params)
    neon = params.get("host", "").endswith(".neon.tech")
    if neon and is_direct(params["host"]) and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        log.logger.warning(
            "DATABASE_URL names Neon's direct endpoint; functions need the pooled "
            "one, whose host has -pooler in it"
        )
    system = params.get("sslrootcert") == "system"
    if "sslmode" not in params and not system:
        log.logger.warning(
            "DATABASE_URL has no sslmode; verify-full is what production needs"
        )
    if neon or system:
        params.setdefault("sslmode", "verify-full")
    if neon and params["sslmode"] in ENCRYPTED:
        params.setdefault("channel_binding", "require")
        # One round trip less; of all servers, PostgreSQL 17 and later know it too.
        params.setdefault("sslnegotiation", "direct")
    bundle = next(filter(is_file, CA_BUNDLES), None)
    # The psycopg wheel's OpenSSL looks for the system's roots where it was built.
    unnamed = params.get("sslrootcert", "system") == "system"
    if bundle and unnamed and params.get("sslmode") in VERIFIED:
        params["sslrootcert"] = bundle
    return make_conninfo(**params)


def is_local(params: dict[str, str]) -> bool:
    """Whether all hosts are this machine; raise SettingsError where there is none."""
    hosts = params.get("hostaddr") or params.get("host")
    if not hosts or not all(hosts.split(",")):
        raise SettingsError("DATABASE_URL names no host")
    # "/" and "@" begin the paths of Unix sockets.
    return all(h.startswith(("/", "@")) or is_loopback(h) for h in hosts.split(","))


def is_direct(host: str) -> bool:
    """Whether host is ep-<name>.<region>…, which bypasses Neon's pooler."""
    return re.match(r"ep-[^.]+(?<!-pooler)\.", host) is not None


def is_file(path: str) -> bool:
    return Path(path).is_file()

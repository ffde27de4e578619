"""The connection string for libpq: DATABASE_URL, checked and with our defaults.

The init phase imports this before Powertools, and connects. So the logger is imported
where something is logged.
"""

import os
import re
from functools import cache
from pathlib import Path

from psycopg.conninfo import make_conninfo

from taskapi.postgres.conninfo_checks import (
    ENCRYPTED,
    VERIFIED,
    check_by_libpq,
    parse,
    split,
)
from taskapi.settings.urls import is_loopback

CA_BUNDLES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Lambda's runtimes, Fedora
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/ssl/cert.pem",  # macOS
)


@cache
def to_conninfo(url: str) -> str:
    """Return libpq's connection string; parameters in url stay as they are.

    Raises SettingsError, and logs warnings; neither quotes a part of url.
    """
    params = parse(url)
    is_remote = not is_local(params)
    # Otherwise a setting of the role or the database would decide.
    params["client_encoding"] = "UTF8"
    if is_remote:
        add_defaults(params)
    check_by_libpq(params)
    return make_conninfo(**params)


def add_defaults(params: dict[str, str]) -> None:
    """Add what production needs to the parameters of a remote host, and warn."""
    host = params.get("host", "")
    is_neon = host.endswith(".neon.tech")
    if is_neon and is_direct(host) and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        warn(
            "DATABASE_URL names Neon's direct endpoint; functions need the pooled "
            "one, whose host has -pooler in it"
        )
    system = params.get("sslrootcert") == "system"
    if "sslmode" not in params and not system:
        warn("DATABASE_URL has no sslmode; verify-full is what production needs")
    if is_neon or system:
        params.setdefault("sslmode", "verify-full")
    if is_neon and params["sslmode"] in ENCRYPTED:
        params.setdefault("channel_binding", "require")
        # Saves a round trip. Only PostgreSQL 17 and later, and Neon, support it.
        params.setdefault("sslnegotiation", "direct")
    bundle = next(filter(is_file, CA_BUNDLES), None)
    # The psycopg wheel's OpenSSL looks for the system's certificates in a folder of the
    # machine that built it.
    unnamed = params.get("sslrootcert", "system") == "system"
    if bundle and unnamed and params.get("sslmode") in VERIFIED:
        params["sslrootcert"] = bundle


def warn(text: str) -> None:
    from taskapi.log import logger

    logger.warning(text)


def is_local(params: dict[str, str]) -> bool:
    """Return whether all hosts are this machine."""
    hosts = split(params, "hostaddr") or split(params, "host")
    return all(h.startswith(("/", "@")) or is_loopback(h) for h in hosts)


def is_direct(host: str) -> bool:
    """Return whether host is ep-<name>.<region>…, which bypasses Neon's pooler."""
    return re.match(r"ep-[^.]+(?<!-pooler)\.", host) is not None


def is_file(path: str) -> bool:
    return Path(path).is_file()

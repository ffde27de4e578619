"""DATABASE_URL as libpq is to see it: checked, with what production means filled in.

Everything that libpq would refuse without asking the network is a SettingsError here.
No message quotes the value: where a password is mistyped, any part of a URL may be a
part of it, a port and a parameter's name included. The messages hold constants alone,
and a parameter's name only where it can't come from a password.
"""

import os
import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskapi import log
from taskapi.errors import SettingsError
from taskapi.settings.urls import is_loopback

CA_BUNDLES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Lambda's runtimes, Fedora
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/ssl/cert.pem",  # macOS
)
VERIFIED = ("verify-ca", "verify-full")
ENCRYPTED = ("require", *VERIFIED)

FORM = "postgresql://user:password@host/database"
SCHEME = f"its scheme must be postgresql://, as in {FORM}"
ENCODE = (
    "special characters of the password must be percent-encoded: "
    "/ as %2F, @ as %40, : as %3A, ? as %3F, # as %23, % as %25, a space as %20"
)

PASTED = {
    r"(export\s+)?DATABASE_URL\s*[=:]": (
        "begins with its own name; only what comes after it is the value"
    ),
    r"psql\b": "is a psql command; only the URL in it is the value",
    "[\"'`\u2018\u201c\u00ab<]": "has quotes or brackets around it; leave them out",
    r"(?i:https?)://": (
        "is a web address; Neon's console shows the connection string under Connect"
    ),
    r"(?i:jdbc):": f"is a JDBC URL; the form is {FORM}",
    r"(?!\w+\s*=)": f"is not a Postgres URL; {SCHEME}",
}
"""What is wrong with a value that begins like this: most have too much copied."""

COPIED_TOO_FAR = ("'", '"', "`", "\u2019", "\u201d", "\u00bb", ">", ",", ";")

FOREIGN_SCHEMES = (
    *(
        f"{scheme}+{driver}"
        for scheme in ("postgresql", "postgres")
        for driver in ("asyncpg", "psycopg", "psycopg2", "psycopg_async", "pg8000")
    ),
    *("prisma", "prisma+postgres", "mysql", "mysql2", "mariadb", "sqlite", "mongodb"),
    *("redis", "sqlserver", "cockroachdb", "pgsql", "postgis", "neon", "ws", "wss"),
)
"""Schemes of other libraries and databases, which a message may name."""

FOREIGN_PARAMETERS = (
    *("pgbouncer", "connection_limit", "pool_timeout", "schema", "sslaccept"),
    *("sslidentity", "socket_timeout", "statement_cache_size", "currentSchema"),
    *("prepared_statement_cache_size", "prepareThreshold", "ssl", "pool_size"),
    *("max_overflow", "pool_mode", "serverVersion", "charset", "uselibpqcompat"),
    *("workaround", "statement_timeout", "search_path", "encoding"),
)
"""Parameters of other libraries, which a message may name (Prisma, JDBC, SQLAlchemy,
asyncpg, node-postgres)."""

CHOICES = {
    "sslmode": ("disable", "allow", "prefer", *ENCRYPTED),
    "channel_binding": ("disable", "prefer", "require"),
    "sslnegotiation": ("postgres", "direct"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
    "sslcertmode": ("disable", "allow", "require"),
    "target_session_attrs": (
        *("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    ),
}
INTEGERS = (
    *("connect_timeout", "tcp_user_timeout", "keepalives"),
    *("keepalives_idle", "keepalives_interval", "keepalives_count"),
)
"""What libpq reads only after it has found the host."""

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir")

LONGEST_SOCKET_FOLDER = 88
"""Bytes: with "/.s.PGSQL.65535" after it, a socket's path has 103 at most on macOS."""

NOWHERE = "/dev/null"
"""A folder for Unix sockets in which none can be: connecting fails without network."""


@cache
def conninfo(url: str) -> str:
    """Return libpq's connection string; what url says stays as it is.

    Raises SettingsError, and warns, in words that quote nothing of url.
    """
    params = parsed(url)
    local = is_local(params)
    # Otherwise a setting of the role or the database would decide.
    params["client_encoding"] = "UTF8"
    if not local:
        fill_in(params)
    check_by_libpq(params)
    return make_conninfo(**params)


def parsed(url: str) -> dict[str, str]:
    """Return what libpq understands of url; raise SettingsError."""
    try:
        url.encode()
    except UnicodeError:
        raise bad("is not UTF-8") from None
    if url != url.strip():
        raise bad("begins or ends with white space, such as a line break")
    if url.startswith(("postgresql://", "postgres://")):
        check_url(url)
    else:
        check_conninfo(url)
    try:
        params = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error as error:
        # Neither the message nor its cause may be shown: libpq's quotes the URL.
        problem = syntax_problem(str(error), url)
        raise bad(problem) from None
    # Where a user and an @ come first, what comes after isn't from the password.
    is_password_before = re.match(r"postgres(ql)?://[^/?#]*@", url)
    check_values(params, "" if is_password_before else f"; {ENCODE}")
    return params


def bad(problem: str) -> SettingsError:
    return SettingsError(f"DATABASE_URL {problem}")


def check_conninfo(text: str) -> None:
    """Raise SettingsError where it isn't `name=value …`, the form besides URLs."""
    scheme = text.partition("://")[0].lower()
    if scheme in FOREIGN_SCHEMES:
        raise bad(f"begins with {scheme}://, which libpq doesn't know; {SCHEME}")
    for pattern, problem in PASTED.items():
        if re.match(pattern, text):
            raise bad(problem)
    if "\0" in text:
        raise bad("has a NUL character in it")


def check_url(url: str) -> None:
    """Raise SettingsError where libpq would take parts of a URL for others.

    libpq ends user and password at the first @, and has none where a / comes before it.
    """
    if not url.isprintable():
        raise bad("has a line break or another invisible character in it")
    if url.endswith(COPIED_TOO_FAR):
        raise bad("ends with a quote, bracket, comma or semicolon; leave it out")
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    if authority.count("@") > 1 or "@" in path:
        raise bad(f"has an @ too many, or a / before the @; {ENCODE}")


def syntax_problem(message: str, url: str) -> str:
    """Return what is wrong with a value that libpq can't parse, by its message."""
    if message.startswith(("invalid URI query parameter", "invalid connection option")):
        name = unknown_parameter(message, url)
        return (
            f"has a parameter that libpq doesn't know{f': {name}' if name else ''}; "
            "leave it out (https://www.postgresql.org/docs/current/"
            "libpq-connect.html#LIBPQ-PARAMKEYWORDS lists all)"
            f"{'' if name else f', unless it is a part of the password; {ENCODE}'}"
        )
    if "percent-encoded" in message:
        return f"is not percent-encoded as it should be; {ENCODE}"
    if "IPv6" in message or "in URI (expected" in message:
        return f"has a bracket that isn't around an IPv6 address; {ENCODE}"
    if "query parameter" in message:
        return f"has a parameter after the ? that isn't name=value; {ENCODE}"
    return f"is not a Postgres URL, {FORM}; {ENCODE}"


def unknown_parameter(message: str, url: str) -> str:
    """Return the name of an unknown parameter, or nothing where it may be a secret.

    In a URL with one @, before the ?, and no password among the parameters, the
    password is before the @.
    """
    found = re.search(r'"(\w{1,40})"', message, re.ASCII)
    name = found[1] if found else ""
    before, is_query, query = url.partition("?")
    is_url = is_query and re.match("postgres(ql)?://", url)
    is_safe = is_url and before.count("@") == 1 and not re.search("@|pass", query)
    return name if is_safe or name in FOREIGN_PARAMETERS else ""


def check_values(params: dict[str, str], advice: str) -> None:
    """Raise SettingsError where libpq would refuse a value late, or unclearly.

    advice: what else to say of a host and a port that may be parts of a password.
    """
    hosts, addresses = split(params, "host"), split(params, "hostaddr")
    if not (addresses or hosts) or not all(addresses or hosts):
        raise bad("names no host")
    if addresses and hosts and len(addresses) != len(hosts):
        raise bad("has another number of hosts in hostaddr than in host")
    if not all(map(is_address, addresses)):
        raise bad("has a hostaddr that isn't an IP address")
    if not all(map(is_host, hosts)):
        raise bad(f"has a host that can't be a host's name or address{advice}")
    if not all(map(is_port, filter(None, split(params, "port")))):
        raise bad(f"has a port that isn't a number from 1 to 65535{advice}")
    for name, choices in CHOICES.items():
        if params.get(name) and params[name] not in choices:
            raise bad(f"has a bad {name}: it must be one of {', '.join(choices)}")
    for name in INTEGERS:
        if params.get(name) and not is_integer(params[name]):
            raise bad(f"has a bad {name}: it must be a whole number")
    sslmode = params.get("sslmode")
    if params.get("sslrootcert") == "system" and sslmode not in (None, "verify-full"):
        raise bad("has sslrootcert=system, which needs sslmode=verify-full")
    if sslmode != "disable":
        for name in FILES:
            path = params.get(name)
            if path and path != "system" and not is_readable(path):
                raise bad(f"names a file in {name} that isn't there or can't be read")


def split(params: dict[str, str], name: str) -> list[str]:
    return params[name].split(",") if params.get(name) else []


def is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def is_host(text: str) -> bool:
    """Whether libpq would look for it: in the file system, as an address, or by DNS."""
    if text.startswith(("/", "@")):
        return len(text.encode()) <= LONGEST_SOCKET_FOLDER
    if ":" in text:
        return is_address(text)
    # RFC 1035, section 2.3.4
    return (
        re.fullmatch(r"(?=.{1,254}\Z)([\w-]{1,63}\.)*[\w-]{1,63}\.?", text, re.A)
        is not None
    )


def is_port(text: str) -> bool:
    return text.isdigit() and is_integer(text) and 0 < int(text) < 65536


def is_integer(text: str) -> bool:
    """Whether it is a number that surely fits into 32 bits."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 10


def is_readable(path: str) -> bool:
    return os.access(path, os.R_OK)


def check_by_libpq(params: dict[str, str]) -> None:
    """Have libpq check all values, by connecting to nowhere; raise SettingsError."""
    encrypted = params.get("sslmode") in ENCRYPTED
    if params.get("sslnegotiation") == "direct" and not encrypted:
        raise bad(
            "has sslnegotiation=direct, which needs an sslmode of "
            "require, verify-ca or verify-full"
        )
    harmless = {"host", "hostaddr", "gssencmode"}
    probe = {name: value for name, value in params.items() if name not in harmless}
    count = len(split(params, "hostaddr") or split(params, "host"))
    nowhere = {"host": ",".join([NOWHERE] * count)}
    if is_refused(probe | nowhere):
        names = [
            name
            for name in probe
            if not is_refused({n: probe[n] for n in probe.keys() - {name}} | nowhere)
        ] or [name for name in probe if is_refused({name: probe[name]} | nowhere)]
        if names:
            raise bad(f"has a value that libpq refuses: {', '.join(sorted(names))}")
        raise bad("or a PG… variable has a value that libpq refuses")


def is_refused(params: dict[str, str]) -> bool:
    """Whether libpq refuses values before it looks for a socket in NOWHERE."""
    pgconn = pq.PGconn.connect_start(make_conninfo(**params).encode())
    message = pgconn.get_error_message()
    pgconn.finish()
    return any(
        f"{NOWHERE}/.s.PGSQL." not in line and not line.startswith("\t")
        for line in message.splitlines()
    )


def fill_in(params: dict[str, str]) -> None:
    """Add what production means where the URL of a remote host doesn't say."""
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


def is_local(params: dict[str, str]) -> bool:
    """Whether all hosts are this machine."""
    hosts = split(params, "hostaddr") or split(params, "host")
    return all(h.startswith(("/", "@")) or is_loopback(h) for h in hosts)


def is_direct(host: str) -> bool:
    """Whether host is ep-<name>.<region>…, which bypasses Neon's pooler."""
    return re.match(r"ep-[^.]+(?<!-pooler)\.", host) is not None


def is_file(path: str) -> bool:
    return Path(path).is_file()

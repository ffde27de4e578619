"""Find out what is wrong with DATABASE_URL, without the network.

Whatever libpq would refuse raises a SettingsError here. No message quotes the value:
if a password is mistyped, any part of the URL may belong to it, even the port or the
name of a parameter. So messages are constants, and name a parameter only if it can't
come from a password.
"""

import os
import re
from ipaddress import ip_address

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskapi.errors import SettingsError

VERIFIED = ("verify-ca", "verify-full")
ENCRYPTED = ("require", *VERIFIED)

SCHEMES = ("postgresql://", "postgres://")
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
"""What is wrong with a value that begins like this; often too much was copied."""

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
"""Schemes of other libraries and databases, which a message may quote."""

FOREIGN_PARAMETERS = (
    *("pgbouncer", "connection_limit", "pool_timeout", "schema", "sslaccept"),
    *("sslidentity", "socket_timeout", "statement_cache_size", "currentSchema"),
    *("prepared_statement_cache_size", "prepareThreshold", "ssl", "pool_size"),
    *("max_overflow", "pool_mode", "serverVersion", "charset", "uselibpqcompat"),
    *("workaround", "statement_timeout", "search_path", "encoding"),
)
"""Parameters of other libraries, which a message may quote (Prisma, JDBC, SQLAlchemy,
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
"""Parameters that libpq reads only after it has found the host."""

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir")

LONGEST_SOCKET_FOLDER = 88
"""Bytes. A socket's path is at most 103 on macOS, and "/.s.PGSQL.65535" follows."""

NOWHERE = "/dev/null"
"""A folder for Unix sockets that holds none: connecting fails without the network."""


def parse(url: str) -> dict[str, str]:
    """Return url's parameters as libpq reads them; raise SettingsError."""
    try:
        url.encode()
    except UnicodeError:
        raise invalid("is not UTF-8") from None
    if url != url.strip():
        raise invalid("begins or ends with white space, such as a line break")
    if url.startswith(SCHEMES):
        check_url(url)
    else:
        check_conninfo(url)
    try:
        params = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error as error:
        # libpq's message quotes the URL, so it is neither shown nor chained.
        problem = syntax_problem(str(error), url)
        raise invalid(problem) from None
    check_values(params, "" if has_user(url) else f"; {ENCODE}")
    return params


def invalid(problem: str) -> SettingsError:
    return SettingsError(f"DATABASE_URL {problem}")


def has_user(url: str) -> bool:
    """Return whether a user and an @ begin it, so that the rest is no password."""
    user, at, _ = url.partition("://")[2].partition("@")
    return url.startswith(SCHEMES) and at == "@" and not set("/?#") & set(user)


def check_conninfo(text: str) -> None:
    """Raise SettingsError unless text is `name=value …`, libpq's other form."""
    scheme = text.partition("://")[0].lower()
    if scheme in FOREIGN_SCHEMES:
        raise invalid(f"begins with {scheme}://, which libpq doesn't know; {SCHEME}")
    for pattern, problem in PASTED.items():
        if re.match(pattern, text):
            raise invalid(problem)
    if "\0" in text:
        raise invalid("has a NUL character in it")


def check_url(url: str) -> None:
    """Raise SettingsError if libpq would split a URL in the wrong places.

    For libpq, the password ends at the first @; if a / comes before it, there is no
    password.
    """
    if not url.isprintable():
        raise invalid("has a line break or another invisible character in it")
    if url.endswith(COPIED_TOO_FAR):
        raise invalid("ends with a quote, bracket, comma or semicolon; leave it out")
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    if authority.count("@") > 1 or "@" in path:
        raise invalid(f"has more than one @, or a / before the @; {ENCODE}")


def syntax_problem(message: str, url: str) -> str:
    """Return what libpq's message says is wrong, without the parts of url it quotes."""
    if message.startswith(("invalid URI query parameter", "invalid connection option")):
        name = unknown_parameter(message, url)
        return (
            f"has a parameter that libpq doesn't know{f': {name}' if name else ''}; "
            "leave it out (https://www.postgresql.org/docs/current/"
            "libpq-connect.html#LIBPQ-PARAMKEYWORDS lists all)"
            f"{'' if name else f', unless it is a part of the password; {ENCODE}'}"
        )
    if "percent-encoded" in message:
        return f"is not percent-encoded correctly; {ENCODE}"
    if "IPv6" in message or "in URI (expected" in message:
        return f"has a bracket that isn't around an IPv6 address; {ENCODE}"
    if "query parameter" in message:
        return f"has a parameter after the ? that isn't name=value; {ENCODE}"
    return f"is not a Postgres URL, {FORM}; {ENCODE}"


def unknown_parameter(message: str, url: str) -> str:
    """Return the name of an unknown parameter, "" if it may be part of the password.

    It can't be if the URL has a password before its only @, which comes before the ?,
    and no parameter is a password.
    """
    quoted = re.search(r'"(\w{1,40})"', message, re.ASCII)
    name = quoted[1] if quoted else ""
    before, _, query = url.partition("?")
    has_password = re.fullmatch("postgres(ql)?://[^/:@]*:[^/@]+@[^@]*", before)
    is_safe = has_password and not re.search("@|pass", query)
    return name if is_safe or name in FOREIGN_PARAMETERS else ""


def check_values(params: dict[str, str], advice: str) -> None:
    """Raise SettingsError if libpq would refuse a value late, or in unclear words.

    advice: added to messages about a host or port that may be part of a password.
    """
    hosts, addresses = split(params, "host"), split(params, "hostaddr")
    if not (addresses or hosts) or not all(addresses or hosts):
        raise invalid("names no host")
    if addresses and hosts and len(addresses) != len(hosts):
        raise invalid("has a different number of hosts in hostaddr than in host")
    if not all(map(is_address, addresses)):
        raise invalid("has a hostaddr that isn't an IP address")
    if not all(map(is_host, hosts)):
        raise invalid(f"has a host that can't be a host's name or address{advice}")
    if not all(map(is_port, filter(None, split(params, "port")))):
        raise invalid(f"has a port that isn't a number from 1 to 65535{advice}")
    for name, choices in CHOICES.items():
        if params.get(name) and params[name] not in choices:
            raise invalid(f"has a bad {name}: it must be one of {', '.join(choices)}")
    for name in INTEGERS:
        if params.get(name) and not is_integer(params[name]):
            raise invalid(f"has a bad {name}: it must be a whole number")
    sslmode = params.get("sslmode")
    if params.get("sslrootcert") == "system" and sslmode not in (None, "verify-full"):
        raise invalid("has sslrootcert=system, which needs sslmode=verify-full")
    if sslmode != "disable":
        for name in FILES:
            path = params.get(name)
            if path and path != "system" and not is_readable(path):
                raise invalid(
                    f"names a file in {name} that isn't there or can't be read"
                )


def split(params: dict[str, str], name: str) -> list[str]:
    return params[name].split(",") if params.get(name) else []


def is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def is_host(text: str) -> bool:
    """Return whether text can be a folder, an IP address or a name for DNS."""
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
    """Return whether text is an integer with at most 9 digits, so within 32 bits."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 10


def is_readable(path: str) -> bool:
    return os.access(path, os.R_OK)


def check_by_libpq(params: dict[str, str]) -> None:
    """Raise SettingsError if libpq refuses a value before it opens a socket."""
    encrypted = params.get("sslmode") in ENCRYPTED
    if params.get("sslnegotiation") == "direct" and not encrypted:
        raise invalid(
            "has sslnegotiation=direct, which needs an sslmode of "
            "require, verify-ca or verify-full"
        )
    not_checked = {"host", "hostaddr", "gssencmode"}
    probe = {name: value for name, value in params.items() if name not in not_checked}
    count = len(split(params, "hostaddr") or split(params, "host"))
    nowhere = {"host": ",".join([NOWHERE] * count)}
    if is_refused(probe | nowhere):
        names = [
            name
            for name in probe
            if not is_refused({n: probe[n] for n in probe.keys() - {name}} | nowhere)
        ] or [name for name in probe if is_refused({name: probe[name]} | nowhere)]
        if names:
            raise invalid(f"has a value that libpq refuses: {', '.join(sorted(names))}")
        raise invalid("or a PG… variable has a value that libpq refuses")


def is_refused(params: dict[str, str]) -> bool:
    """Return whether libpq refuses a value before it looks for a socket in NOWHERE."""
    pgconn = pq.PGconn.connect_start(make_conninfo(**params).encode())
    message = pgconn.get_error_message()
    pgconn.finish()
    return any(
        f"{NOWHERE}/.s.PGSQL." not in line and not line.startswith("\t")
        for line in message.splitlines()
    )

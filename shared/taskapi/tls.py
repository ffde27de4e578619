"""TLS that trusts few CAs first, and all of the machine's CAs if they aren't enough."""

import os
import ssl
from binascii import a2b_base64
from typing import NamedTuple

AMAZON = (b"Amazon",)

MOST_HOSTS = (*AMAZON, b"ISRG", b"Google Trust Services")
"""ISRG is Let's Encrypt's."""

BEGINNING = 1 + 6 * 65
"""The characters of a PEM block whose 288 bytes contain the name of the CA.

A line is 64 characters and its end (RFC 7468), and what comes before the name, at most
50 bytes (RFC 5280, section 4.1).
"""


class Trust(NamedTuple):
    """Which CAs to trust: those in bundle, first those with one of names in theirs.

    bundle: a file; None for the machine's own.
    """

    bundle: str | None = None
    names: tuple[bytes, ...] = MOST_HOSTS


def few_cas_tls(trust: Trust) -> ssl.SSLContext:
    """Return TLS that trusts only the CAs with one of the names, if there are any.

    OpenSSL 3.0 takes 0.4 ms to load a CA, and a machine trusts over 100.
    """
    file = trust.bundle or ssl.get_default_verify_paths().cafile
    cas = find_cas(file, trust.names)
    return ssl.create_default_context(cadata=cas) if cas else all_cas_tls(trust)


def all_cas_tls(trust: Trust) -> ssl.SSLContext:
    """Return TLS that trusts every CA."""
    return ssl.create_default_context(cafile=trust.bundle)


def find_cas(file: str | None, names: tuple[bytes, ...]) -> bytes:
    """Return the CAs in file that have one of names in theirs, as DER."""
    try:
        with open(file or os.devnull, "rb") as opened:
            blocks = opened.read().split(b"-----BEGIN CERTIFICATE-----")[1:]
        return b"".join(
            a2b_base64(block.partition(b"-----END")[0])
            for block in blocks
            if any(map(a2b_base64(block[:BEGINNING]).__contains__, names))
        )
    except (OSError, ValueError):
        return b""

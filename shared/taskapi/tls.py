"""TLS that trusts few CAs first, and all of the machine's CAs if they aren't enough."""

import os
import ssl
from binascii import a2b_base64

COMMON_CAS = (b"Amazon", b"ISRG", b"Google Trust Services")
"""What the CAs of most hosts have in their names: AWS's, Let's Encrypt's and Google's.

OpenSSL 3.0 takes 0.4 ms to load a CA, and a machine trusts over 100.
"""


def common_tls(bundle: str | None) -> ssl.SSLContext:
    """Return TLS that trusts the CAs in COMMON_CAS, or every CA if there are none.

    bundle: a file with CAs; None for the machine's own.
    """
    file = bundle or ssl.get_default_verify_paths().cafile
    cas = common_cas(file)
    return ssl.create_default_context(cadata=cas) if cas else full_tls(bundle)


def full_tls(bundle: str | None) -> ssl.SSLContext:
    """Return TLS that trusts every CA in bundle, or of the machine."""
    return ssl.create_default_context(cafile=bundle)


def common_cas(file: str | None) -> bytes:
    """Return the CAs in file that have one of COMMON_CAS in their names, as DER."""
    try:
        with open(file or os.devnull, "rb") as opened:
            blocks = opened.read().split(b"-----BEGIN CERTIFICATE-----")[1:]
        cas = [a2b_base64(block.partition(b"-----END")[0]) for block in blocks]
    except (OSError, ValueError):
        return b""
    return b"".join(ca for ca in cas if any(name in ca for name in COMMON_CAS))

"""Attacks that change the bytes of a signature."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support.attacks.keys import forged
from tests.support.attacks.segments import signers


def signature(algorithm: str, change: Callable[[bytes], bytes]) -> str:
    """Return a genuine token whose signature's bytes are changed."""
    signer = signers()[algorithm]
    return forged(signer.header, lambda signed: change(signer.sign(signed)))


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def with_r_and_s(r: int | None, s: int | None) -> Callable[[bytes], bytes]:
    """Return a function that replaces an ES256 signature's r and s, if not None."""

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

"""Check BETTER_AUTH_SECRET, the key that signs HS256 tokens."""

from taskapi.errors import SettingsError

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 has at least the hash's 256 bits."""

ADVICE = "make one with: openssl rand -base64 32"

PLACEHOLDERS = (
    # Better Auth's default secret, and phrases in its documentation.
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
"""What example secrets contain, as letters and digits only.

Strings, not a regular expression: compiling one would take 1% of a cold start.
"""

ADJECTIVES = (
    *("own", "very", "super", "long", "strong", "random", "better", "auth", "jwt"),
    "app",
)
"""Words that examples have between "your" and "secret" or "key"."""

ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
BRACKETS = (("<", ">"), ("{", "}"), ("${", "}"), ("$(", ")"), ("[", "]"), ("%", "%"))

QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\ufeff\u200b"
"""Quotation marks, and the invisible characters U+FEFF and U+200B that copying adds."""


def hs256_key(secret: str | None) -> bytes | None:
    """Return the secret's bytes, as Better Auth takes them; raise SettingsError."""
    if secret is None:
        return None
    key = secret.encode(errors="surrogateescape")
    if len(key) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"BETTER_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes; {ADVICE}"
        )
    if is_placeholder(secret):
        raise SettingsError(
            "BETTER_AUTH_SECRET is from an example, so anyone can sign tokens with it; "
            f"{ADVICE}"
        )
    if is_repetition(secret):
        raise SettingsError(f"BETTER_AUTH_SECRET repeats the same characters; {ADVICE}")
    return key


def is_placeholder(secret: str) -> bool:
    """Return whether a secret is copied from an example."""
    text = secret.strip()
    if any(text.startswith(a) and text.endswith(z) for a, z in BRACKETS):
        return True
    letters = "".join(filter(ALPHANUMERIC.__contains__, secret.lower()))
    without_adjectives = letters
    for word in ADJECTIVES:
        without_adjectives = without_adjectives.replace(word, "")
    return (
        any(placeholder in letters for placeholder in PLACEHOLDERS)
        or "yoursecret" in without_adjectives
        or "yourkey" in without_adjectives
    )


def is_repetition(secret: str) -> bool:
    """Return whether up to 16 characters repeat; the last 8 may differ."""
    longest = min(16, len(secret) - 12)
    return len(set(secret)) < 5 or any(
        secret[n:-8] == secret[: -8 - n] for n in range(1, longest + 1)
    )


def whitespace_warning(secret: str) -> str | None:
    """Return a warning if white space or quotes surround the secret, else None."""
    is_bare = secret == secret.strip() == secret.strip(QUOTES)
    if is_bare and not secret.endswith(("\\n", "\\r", "\\t")):
        return None
    return (
        "BETTER_AUTH_SECRET has white space or quotes around it, which count as part "
        "of it: Better Auth must have the same, or every token is refused"
    )

"""Development tokens: `python -m local.tokens alice` prints one for user alice."""

import os
import secrets
import sys
import time
from pathlib import Path

import jwt
from dotenv import load_dotenv

ROOT = Path(__file__).parent.parent
LOCAL = ROOT / ".local"

# Where frontends usually run in development, and Better Auth with them.
ISSUER = "http://localhost:3000"
# If one of them is set, it decides how tokens are checked; development tokens are off.
SETTINGS = ("BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL", "BETTER_AUTH_SECRET")

LIFETIME = 24 * 60 * 60


def is_configured() -> bool:
    """Return whether the environment says how tokens are checked."""
    return bool(settings_in_use())


def settings_in_use() -> list[str]:
    """Return the names of the settings that say how tokens are checked."""
    return [name for name in SETTINGS if os.environ.get(name)]


def development_secret_in_use() -> str | None:
    """Return this clone's secret if tokens are checked with it, else None.

    No other secret is used to make tokens: a BETTER_AUTH_SECRET from elsewhere may be
    production's, where a development token would be valid for any user.
    """
    if not is_configured():
        return development_secret(LOCAL)
    configured, path = os.environ.get("BETTER_AUTH_SECRET"), LOCAL / "secret"
    return configured if path.exists() and path.read_text() == configured else None


def why_no_token() -> str:
    """Return why there are no development tokens, and how to get them."""
    given = settings_in_use()
    unset = " ".join(f"{name}=" for name in given)
    return (
        f"There are no development tokens: {' and '.join(given)} "
        f"{'is' if len(given) == 1 else 'are'} set (in the shell or in .env), so the "
        "API accepts only the tokens that Better Auth issues.\n"
        f"To run it with development tokens: {unset} make run"
    )


def development_secret(folder: Path) -> str:
    """Return this clone's secret: made on first use, readable only by its owner."""
    path = folder / "secret"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with open(descriptor, "w") as file:
        file.write(secret := secrets.token_urlsafe(48))
    return secret


def development_token(user: str, secret: str) -> str:
    """Return a token with the claims of Better Auth's `jwt()` plugin, signed HS256."""
    now = int(time.time())
    claims = {
        "sub": user,
        "id": user,
        "name": user,
        "email": f"{user}@example.com",
        "emailVerified": True,
        "iss": ISSUER,
        "aud": ISSUER,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def main() -> int:
    load_dotenv(ROOT / ".env")
    if len(sys.argv) != 2 or not sys.argv[1]:
        print("Usage: make token USER=alice", file=sys.stderr)
        return 2
    secret = development_secret_in_use()
    if secret is None:
        print(why_no_token(), file=sys.stderr)
        return 1
    print(development_token(sys.argv[1], secret))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The name by which logs call a user."""

import hashlib
import hmac
from functools import lru_cache

from taskapi.settings import environment
from taskapi.settings.better_auth import better_auth

PURPOSE = b"tasks: what logs call a user"


def pseudonym(user_id: str) -> str:
    """Return the name by which logs call a user: the same each time, but not the id.

    It is a keyed hash, so that somebody who has only the logs can't try ids, such as
    auth0|73412, until one fits. `make pseudonym` prints it for an operator.
    """
    return hmac.digest(pseudonym_key(), user_id.encode(), "sha256").hex()[:16]


def pseudonym_key() -> bytes:
    """Return the key for pseudonyms; raise SettingsError if a setting is wrong."""
    if secret := better_auth().secret:
        return key_from_secret(secret)
    return key_from_database_url(environment.database_url())


@lru_cache(maxsize=1)
def key_from_secret(secret: bytes) -> bytes:
    """Return the key for pseudonyms if tokens are HS256.

    A log doesn't make the secret easier to guess: each user can already test guesses
    against their own token, which is signed with it.
    """
    return hmac.digest(secret, PURPOSE, "sha256")


@lru_cache(maxsize=1)
def key_from_database_url(database_url: str) -> bytes:
    """Return the key for pseudonyms if the database's password is the only secret.

    Somebody who has the logs and knows a user's id can test guesses of the password. So
    each guess costs some milliseconds and 4 MiB (scrypt, RFC 7914). A function pays
    that once in each execution environment, in the init phase.
    """
    password = database_url.encode(errors="surrogateescape")
    return hashlib.scrypt(password, salt=PURPOSE, n=4096, r=8, p=1)[:32]

"""Read settings from environment variables, else from the secret at SECRET_ARN."""

import os

from taskapi.errors import SettingsError
from taskapi.settings import secret


def read_settings(*names: str) -> list[str | None]:
    """Return the settings' values, None for one that is missing or empty.

    A variable wins over the secret, which is read only if a variable is missing.
    """
    variables = [os.environ.get(name) for name in names]
    if all(variables):
        return variables
    stored = secret.settings_secret.values()
    return [
        variable or stored.get(name) or None
        for name, variable in zip(names, variables, strict=True)
    ]


def database_url() -> str:
    """Return Postgres's URL; raise SettingsError if there is none."""
    [url] = read_settings("DATABASE_URL")
    if not url:
        raise SettingsError("DATABASE_URL is not set")
    return url


def jwks_cool_down(default: float) -> float:
    """Return the seconds between two fetches of the keys; `make run` shortens them."""
    return float(os.environ.get("JWKS_COOL_DOWN") or default)

"""URLs in settings: which are safe to use, and what their origin is."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from taskapi.errors import SettingsError


def parse_web_url(name: str, value: str | None) -> SplitResult | None:
    """Return the URL in a setting; raise SettingsError for an unsafe one.

    name: the setting's, for the message. https is required, except for this machine:
    over plain http, anyone on the network could replace the keys.
    """
    if value is None:
        return None
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        host = None
    # Visible ASCII only: Better Auth and Python read other characters differently.
    if not host or not re.fullmatch(r"[!-~]+", value) or re.search(r"[@\\#]", value):
        raise SettingsError(f"{name} is not a URL such as https://auth.example.com")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise SettingsError(
            f"{name} must begin with https:// (http:// is for localhost alone)"
        )
    return url


def is_loopback(host: str) -> bool:
    """Return whether host is always this machine, without asking DNS."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: SplitResult) -> str:
    """Return what JavaScript's `new URL(url).origin` is (RFC 6454, section 6.2)."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    default = {"https": 443, "http": 80}[url.scheme]
    port = "" if url.port in (None, default) else f":{url.port}"
    return f"{url.scheme}://{host}{port}"

"""Where Secrets Manager is. The init phase needs it before it imports TLS."""

import os
import re
from urllib.parse import SplitResult, urlsplit

from taskapi.errors import SettingsError

DNS_SUFFIXES = {
    "cn": "amazonaws.com.cn",
    "eusc": "amazonaws.eu",
    "us-iso": "c2s.ic.gov",
    "us-isob": "sc2s.sgov.gov",
    "us-isof": "csp.hci.ic.gov",
    "eu-isoe": "cloud.adc-e.uk",
}
"""By how the names of a partition's regions begin; elsewhere it is amazonaws.com.

https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
"""


def find_region(arn: str) -> str:
    """Return the secret's region, or this process's if arn is only a name."""
    if found := re.match(r"arn:[^:]+:secretsmanager:([a-z0-9-]+):", arn):
        return found[1]
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region or not re.fullmatch(r"[a-z0-9-]+", region):
        raise SettingsError("SECRET_ARN must be a whole ARN, or AWS_REGION be set")
    return region


def endpoint(region: str) -> SplitResult:
    """Return the URL of Secrets Manager, or of an emulator; raise SettingsError."""
    for name in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
        if given := os.environ.get(name):
            try:
                url = urlsplit(given)
                is_root = re.fullmatch(
                    r"https?://[\w.:\[\]-]+/?", given, re.ASCII | re.I
                )
                if is_root and url.hostname and url.port != 0:
                    return url
            except ValueError:
                pass
            raise SettingsError(
                f"SECRET_ARN can't be read: {name} isn't a URL such as https://host"
            )
    begins = "-".join(region.split("-")[: 2 if "-iso" in region else 1])
    suffix = DNS_SUFFIXES.get(begins, "amazonaws.com")
    return urlsplit(f"https://secretsmanager.{region}.{suffix}")

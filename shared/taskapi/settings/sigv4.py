"""Sign a request with AWS's Signature Version 4: a POST to the root of a service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """An access key; token: of a session, as each role's credentials have one."""

    key_id: str
    secret_key: str
    token: str | None

    def __repr__(self) -> str:
        return f"Credentials(key_id={self.key_id!r})"


def sign(
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    *,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """Return the headers to send, all of them signed.

    headers: must have Host. now: seconds since 1970; AWS accepts 5 minutes' difference.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    sent = {**headers, "X-Amz-Date": timestamp}
    if credentials.token:
        sent["X-Amz-Security-Token"] = credentials.token
    signed = sorted((name.lower(), value.strip()) for name, value in sent.items())
    names = ";".join(name for name, _value in signed)
    lines = [f"{name}:{value}" for name, value in signed]
    request = ["POST", "/", "", *lines, "", names, sha256(body).hexdigest()]
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    hashed = sha256("\n".join(request).encode()).hexdigest()
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), "\n".join([ALGORITHM, timestamp, scope, hashed])):
        key = hmac.digest(key, part.encode(), "sha256")
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={key.hex()}"
    )
    return sent
